"""Where the city is: villages and communities with their twelve-digit codes, and how many live in each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct

TOWN_WEIGHT = 4  # a community of a town has about four times the people of a village


class Village(Struct, frozen=True, gc=False):
    """One village or community, with the names above it."""

    code: str
    name: str
    township: str
    county: str
    city: str

    @property
    def short(self) -> str:
        """The name as people say it, without the words for the committee."""
        return (
            self.name.replace("村民委员会", "村")
            .replace("居民委员会", "")
            .replace("居委会", "")
            .replace("村委会", "村")
        )


class Region(Protocol):
    """One row of a region table."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def level(self) -> str: ...


def villages_of(regions: Iterable[Region]) -> tuple[Village, ...]:
    """All villages of a region table, in the order of their codes."""
    rows = list(regions)
    names = {row.code: row.name for row in rows}
    found = (
        Village(code, row.name, names[code[:9]], names[code[:6]], names[f"{code[:4]}00"])
        for row in rows
        for code in (row.code,)
        if row.level == "village"
    )
    return tuple(sorted(found, key=lambda village: village.code))


def by_people(villages: Sequence[Village]) -> tuple[Village, ...]:
    """The villages, each as often as people live there, so that an even walk over it is a fair one."""
    return tuple(
        village for village in villages for _ in range(TOWN_WEIGHT if village.township.endswith("街道") else 1)
    )
