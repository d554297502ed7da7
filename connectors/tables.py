"""Code tables that every mapping may use: regions, dispute classes, the alarm types of 110."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from alerts.model import DISPUTE_CLASSES

FOLDER = Path(__file__).parent / "tables"


class RegionEntry(Struct, frozen=True):
    """One region: 6 digits a city or county, 9 a township, 12 a village."""

    code: str
    name: str
    level: str


class Dispute(Struct, frozen=True):
    """One class (2 digits) or sub-class (4 digits) of disputes, and our name of its class."""

    code: str
    name: str
    dispute_class: str


class Alarm(Struct, frozen=True):
    """One alarm type of 110, and what it is to us."""

    code: str
    name: str
    category: str
    subcategory: str


def county_of(code: str) -> str | None:
    """The county of a region or grid code; nothing for a city."""
    return None if len(code) < 6 or code[4:6] == "00" else code[:6]


def township_of(code: str) -> str | None:
    """The township of a region or grid code, if the code goes down so far."""
    return code[:9] if len(code) >= 9 else None


def village_of(code: str) -> str | None:
    """The village of a region or grid code, if the code goes down so far."""
    return code[:12] if len(code) >= 12 else None


def parents(code: str) -> tuple[str, ...]:
    """The codes around a code, the nearest first: township, county, city."""
    around = [code[:length] for length in (12, 9, 6) if len(code) > length]
    city = f"{code[:4]}00"
    return (*around, city) if len(code) >= 6 and code[:6] != city else tuple(around)


class Tables:
    """All tables, read from their files."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.regions = {
            row["code"]: RegionEntry(row["code"], row["name"], row["level"]) for row in _rows(folder / "regions.csv")
        }
        self.disputes = {
            row["code"]: Dispute(row["code"], row["name"], row["class"]) for row in _rows(folder / "disputes.csv")
        }
        self.alarms = {
            row["code"]: Alarm(row["code"], row["name"], row["category"], row["subcategory"])
            for row in _rows(folder / "alarms.csv")
        }
        for dispute in self.disputes.values():
            if dispute.dispute_class not in DISPUTE_CLASSES:
                raise ValueError(
                    f"class must be one of DISPUTE_CLASSES; got `{dispute.dispute_class}` "
                    f"(disputes.csv, code {dispute.code})"
                )

    def region_name(self, code: str) -> str | None:
        """The Chinese name of a region code."""
        entry = self.regions.get(code)
        return entry.name if entry else None

    def region_path(self, code: str) -> str:
        """The names from county to the code itself, `城关区/酒泉路街道`, as far as they are known."""
        codes = [*reversed([c for c in parents(code) if c[4:6] != "00"]), code]
        return "/".join(name for name in map(self.region_name, codes) if name)

    def region_code(self, name: str) -> str | None:
        """The code of a name or of a path `城关区/酒泉路街道`; nothing if it is not the only one."""
        return self.by_name["regions"].get(name)

    @cached_property
    def by_name(self) -> Mapping[str, Mapping[str, str]]:
        """The tables that a mapping may name. Each takes codes and names; an ambiguous name is in none."""
        paths = {code: self.region_path(code) for code in self.regions}
        regions = _unique([*paths.items(), *((code, entry.name) for code, entry in self.regions.items())])
        disputes = _unique([(entry.dispute_class, entry.name) for entry in self.disputes.values()])
        alarms = self.alarms.values()
        return {
            "regions": regions | {code: code for code in self.regions},
            "disputes": disputes | {code: entry.dispute_class for code, entry in self.disputes.items()},
            "alarm_categories": {entry.name: entry.category for entry in alarms}
            | {entry.code: entry.category for entry in alarms},
            "alarm_subcategories": {entry.name: entry.subcategory for entry in alarms}
            | {entry.code: entry.subcategory for entry in alarms},
        }


def load_tables() -> Tables:
    """The tables of this project."""
    return Tables()


def _unique(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """name -> value for (value, name) pairs, without names that have several values."""
    values: dict[str, set[str]] = {}
    for value, name in pairs:
        values.setdefault(name, set()).add(value)
    return {name: next(iter(found)) for name, found in values.items() if len(found) == 1}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
