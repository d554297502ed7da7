"""Which days offices are open: weekends, public holidays and the workdays that make up for them (调休)."""

from __future__ import annotations

from functools import cache, lru_cache

from alerts.calendar import Calendar, is_weekend
from alerts.rule_file import DayClass
from connectors.calendars import load_calendars

_LONG = 5  # days off in a row after which work has piled up


@cache
def _calendar() -> Calendar:
    return load_calendars()["cn"]


def day_class(day: int) -> DayClass:
    """The class of a local day, counted from 1970; in a year without a calendar only weekends are off."""
    calendar = _calendar()
    if day in calendar.workdays:
        return "makeup_workday"
    if day in calendar.holidays:
        return "holiday"
    return "weekend" if is_weekend(day) else "workday"


def weekday(day: int) -> int:
    """0 is Monday."""
    return (day + 3) % 7


def is_open(day: int) -> bool:
    """Whether offices work on that day."""
    return day_class(day) in ("workday", "makeup_workday")


@lru_cache(maxsize=4096)
def is_backlog_day(day: int) -> bool:
    """The first day after a long holiday, on which everything comes that has waited."""
    return is_open(day) and not any(is_open(day - before) for before in range(1, _LONG + 1))


@lru_cache(maxsize=4096)
def wait_for_office(day: int) -> int:
    """How many days after `day` the next open day is; 0 if it is open itself."""
    wait = 0
    while not is_open(day + wait):
        wait += 1
    return wait
