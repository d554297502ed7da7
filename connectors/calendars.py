"""The calendars: one YAML file for each year, read once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.calendar import LOCAL_US, Calendar, is_weekend, join, parse_days, written
from connectors.yaml_file import Document, Where, load

CALENDARS_FOLDER = Path(__file__).parent.parent / "alerts" / "calendars"
_NAME = re.compile(r"([a-z][a-z-]*)-(\d{4})")


def load_calendars(folder: Path | str = CALENDARS_FOLDER) -> dict[str, Calendar]:
    """The calendar as it stood with each file (`cn-2026`: that year and those before it), and with all (`cn`).

    Raises a sentence with file and line when a file is wrong.
    """
    found: dict[str, Calendar] = {}
    years: dict[str, list[Calendar]] = {}
    for path in sorted(Path(folder).glob("*.yaml")):
        family = path.stem.rpartition("-")[0]
        known = years.setdefault(family, [])
        known.append(_calendar(load(path), path.stem))
        found[path.stem] = join(path.stem, known)
        found[family] = join(family, known)
    return found


def covered_until(calendars: Mapping[str, Calendar]) -> datetime:
    """The instant from which on one of the calendars that name no year has no days."""
    last = min(max(found.years) for name, found in calendars.items() if found.years and not _NAME.fullmatch(name))
    return datetime(last + 1, 1, 1, tzinfo=UTC) - timedelta(microseconds=LOCAL_US)


def _calendar(document: Document, name: str) -> Calendar:
    match = _NAME.fullmatch(name)
    if match is None:
        raise document.refuse(f"a calendar's file must be named like `cn-2026.yaml`; got `{name}.yaml`")
    document.check_keys(document.data, ("apiVersion", "source", "holidays"))
    version = document.data.get("apiVersion")
    if version != "calendars/v1":
        raise document.refuse(f"`apiVersion` must be `calendars/v1`; got `{version}`", ("apiVersion",))
    if not document.data.get("source"):
        raise document.refuse("`source` must name the notice that the days come from; got none", ("source",))
    entries = document.data.get("holidays")
    if not isinstance(entries, list) or not entries:
        raise document.refuse("`holidays` must be a list with at least one holiday; got none", ("holidays",))
    days = _Days(document, int(match[2]))
    for index, entry in enumerate(entries):
        days.take(entry, ("holidays", index))
    return Calendar(name, days.off, days.work, [days.year])


class _Days:
    """The days of one file as they are read, each checked against those before it."""

    def __init__(self, document: Document, year: int) -> None:
        self.document = document
        self.year = year
        self.off: set[int] = set()
        self.work: set[int] = set()

    def take(self, entry: Any, where: Where) -> None:
        """One holiday: its names, the days off, and the days that are worked for it."""
        self.document.check_keys(entry, ("zh", "en", "off", "work"), where)
        for key in ("zh", "en", "off"):
            if not entry.get(key):
                raise self.document.refuse(f"a holiday must have `{key}`; got nothing", where)
        for day in self._days(entry["off"], (*where, "off")):
            self._refuse_both(day, self.work, (*where, "off"))
            self.off.add(day)
        for day in self._days(entry.get("work") or [], (*where, "work")):
            self._refuse_both(day, self.off, (*where, "work"))
            if not is_weekend(day):
                raise self.document.refuse(
                    f"a make-up workday must be a Saturday or Sunday; got `{written(day)}`", (*where, "work")
                )
            self.work.add(day)

    def _days(self, texts: Any, where: Where) -> list[int]:
        found: list[int] = []
        for text in texts if isinstance(texts, list) else [texts]:
            try:
                found += parse_days(text)
            except ValueError as error:
                raise self.document.refuse(str(error), where) from None
        for day in found:
            if not written(day).startswith(f"{self.year}-"):
                raise self.document.refuse(f"a day must lie in {self.year}; got `{written(day)}`", where)
        return found

    def _refuse_both(self, day: int, others: set[int], where: Where) -> None:
        if day in others:
            raise self.document.refuse(f"a day must be off or worked; got `{written(day)}` as both", where)
