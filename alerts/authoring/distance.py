"""The distance of one rung of a key from being reached, and what every gauge needs to tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from alerts.entry import RESETS, SELECTED, Entry
from alerts.model import Level


class Distance(Struct, frozen=True):
    """How far one rung of a key is from being reached.

    `value` is what is there, `measured` what of it counts toward `needed`. `before` is the event time (microseconds)
    at which it gets harder, since something counted falls out of the window; None where nothing does.
    """

    level: Level
    rung: str  # `gte`, `steps`, `measure_gte`, or the name of a branch
    value: int | float
    measured: int | float
    needed: int | float
    missing: int | float
    needs: str  # in words
    before: int | None = None

    @property
    def share(self) -> float:
        """How much of what is needed is there."""
        return self.measured / self.needed


Gauge = Callable[[Sequence[Entry], int], list[Distance]]


def counted(level: Level, rung: str, ends: list[int], needed: int, words: Callable[[int], str]) -> Distance:
    """The distance of something that is counted: `ends` is when each falls out of the window, soonest first."""
    measured = min(len(ends), needed - 1)
    before = ends[len(ends) - measured] if measured else None
    return Distance(level, rung, len(ends), measured, needed, needed - measured, words(needed - measured), before)


def ends_of(seen: Iterable[tuple[object, int]], size: int) -> list[int]:
    """When each different thing that was seen falls out of the window."""
    latest: dict[object, int] = {}
    for thing, time in seen:
        latest[thing] = time  # they come in their order
    return sorted(time + size for time in latest.values())


def selected(window: Iterable[Entry]) -> list[Entry]:
    """The entries that count."""
    return [entry for entry in window if entry[4] & SELECTED]


def since_reset(window: Sequence[Entry]) -> Sequence[Entry]:
    """What counts after an `unless`: the event that begins anew may itself count."""
    resets = [place for place, entry in enumerate(window) if entry[4] & RESETS]
    return window[resets[-1] :] if resets else window


def more(number: int) -> str:
    """`2 more`."""
    return f"{number} more"


def contacts(number: int) -> str:
    """The noun after a number."""
    return "contact" if number == 1 else "contacts"
