"""Calendars: which days are worked, and deadlines counted in working time (semantics 5).

A working day is 24 h of working time, from midnight to midnight local time; any other day is none. So `5wd` after
an opening is the same wall time on the fifth working day. What is opened on a day that is not worked counts as
opened at the same wall time on the working day before: Saturday 10:00 + `1wd` is Monday 10:00.

Days are numbers since 1970-01-01, local time. How many days were worked before a day follows from arithmetic on
weeks and a short sorted list of exceptions, so a deadline costs two look-ups however far away it is.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import accumulate, pairwise
from typing import Any

from alerts.duration import DAY_US, HOUR_US
from alerts.rule_file import DayClass

LOCAL_US = 8 * HOUR_US  # Asia/Shanghai, the whole year
_EPOCH = date(1970, 1, 1).toordinal()
_MONDAY = 3  # 1970-01-01 was a Thursday: add this to count from a Monday
_LAST = date.max.toordinal() - _EPOCH


class NoCalendar(ValueError):  # noqa: N818  # named for the gap that an obligation reports
    """A day of a year that the calendar has no file for: it is refused, never guessed."""


class Calendar:
    """The days that are worked in the years it covers; `years` is None where it covers all.

    `holidays` and `workdays` (make-up workdays, 调休) are day numbers; every other day goes by its weekday.
    """

    def __init__(
        self, name: str, holidays: Iterable[int], workdays: Iterable[int], years: Iterable[int] | None = None
    ) -> None:
        self.name = name
        self.holidays = frozenset(holidays)
        self.workdays = frozenset(workdays)
        self.years = None if years is None else frozenset(years)
        self._certain, self._uncertain = _stretch(self.years or frozenset())
        both = sorted(self.holidays & self.workdays)
        if both:
            raise ValueError(f"a day must be a holiday or a workday; got `{written(both[0])}` as both")
        said = [sorted(self.years or ()), sorted(self.holidays), sorted(self.workdays)]
        self.version = f"{name}@{hashlib.sha256(repr(said).encode()).hexdigest()[:8]}"  # stamped on alerts
        self._exceptions = sorted(
            [day for day in self.workdays if is_weekend(day)] + [day for day in self.holidays if not is_weekend(day)]
        )
        # by how much the exceptions up to each one move the count, and the count at the start of each
        self._moved = [0, *accumulate(1 if day in self.workdays else -1 for day in self._exceptions)]
        self._counts = [_weekdays(day) + moved for day, moved in zip(self._exceptions, self._moved, strict=False)]

    def day_class(self, at: int) -> DayClass:
        """What kind of day an instant lies in. Raises `NoCalendar` where it cannot know."""
        day = _day(at)
        self._cover(day, day)
        if day in self.holidays:
            return "holiday"
        if day in self.workdays:
            return "makeup_workday"
        return "weekend" if is_weekend(day) else "workday"

    def add(self, at: int, amount: int) -> int:
        """The instant at which so much working time since `at` is used up; never before `at`."""
        day, time = divmod(at + LOCAL_US, DAY_US)
        worked = self._before(day)
        start = worked if self._is_worked(day) else worked - 1
        index, time = divmod(start * DAY_US + time + amount, DAY_US)
        if index < worked:
            self._cover(day, day)
            return at  # still in what the working day before the opening is credited with
        end = self._worked_day(index)
        self._cover(day, end)
        return end * DAY_US + time - LOCAL_US

    def between(self, start: int, end: int) -> int:
        """The working time between two instants; a day that is not worked stands still."""
        self._cover(_day(start), _day(end))
        return max(self._position(end) - self._position(start), 0)

    def _position(self, at: int) -> int:
        day, time = divmod(at + LOCAL_US, DAY_US)
        return self._before(day) * DAY_US + (time if self._is_worked(day) else 0)

    def _is_worked(self, day: int) -> bool:
        return day in self.workdays or not (is_weekend(day) or day in self.holidays)

    def _before(self, day: int) -> int:
        """How many days were worked before a day, from a start that cancels out in every difference."""
        return _weekdays(day) + self._moved[bisect_left(self._exceptions, day)]

    def _worked_day(self, index: int) -> int:
        """The working day before which so many were worked."""
        place = bisect_right(self._counts, index)
        if place and self._counts[place - 1] == index and self._exceptions[place - 1] in self.workdays:
            return self._exceptions[place - 1]
        weeks, day = divmod(index - self._moved[place], 5)
        return weeks * 7 + day - _MONDAY

    def _cover(self, first: int, last: int) -> None:
        if last > _LAST:
            raise NoCalendar(f"a deadline must lie before the year 10000; got one {last - first} days away")
        if self.years is None or self._certain <= first <= last < self._uncertain:
            return
        for year in range(_year(first), _year(last) + 1):
            if year not in self.years:
                raise NoCalendar(f"calendar `{self.name}` must cover {year}; covered: {_ranges(self.years)}")


def join(name: str, calendars: Iterable[Calendar]) -> Calendar:
    """One calendar that covers what several do; none of them may cover all years."""
    parts = list(calendars)
    return Calendar(
        name,
        frozenset[int]().union(*(part.holidays for part in parts)),
        frozenset[int]().union(*(part.workdays for part in parts)),
        frozenset[int]().union(*(part.years or () for part in parts)),
    )


def calendar_of(data: Mapping[str, Any], name: str = "test") -> Calendar:
    """A calendar of all years from `{holidays: ["2026-02-15..2026-02-23"], workdays: ["2026-02-14"]}`."""
    days = {key: [day for text in data.get(key) or () for day in parse_days(text)] for key in ("holidays", "workdays")}
    return Calendar(name, days["holidays"], days["workdays"])


def parse_days(text: str) -> range:
    """The day numbers of `2026-05-01` or `2026-02-15..2026-02-23`. Raises `ValueError` with a sentence."""
    first, dots, last = text.partition("..") if isinstance(text, str) else ("", "", "")
    try:
        start = _number(first)
        stop = _number(last) if dots else start
    except ValueError:
        raise ValueError(f"days must be `2026-05-01` or `2026-05-01..2026-05-05`; got `{text}`") from None
    if stop < start:
        raise ValueError(f"days must run forward; got `{text}`")
    return range(start, stop + 1)


def written(day: int) -> str:
    """A day number as people write it: `2026-05-01`."""
    return date.fromordinal(day + _EPOCH).isoformat()


def is_weekend(day: int) -> bool:
    """Is a day number a Saturday or Sunday?"""
    return (day + _MONDAY) % 7 >= 5


def _number(text: str) -> int:
    if len(text) != 10:
        raise ValueError(text)
    return date.fromisoformat(text).toordinal() - _EPOCH


def _day(at: int) -> int:
    return (at + LOCAL_US) // DAY_US


def _year(day: int) -> int:
    return date.fromordinal(day + _EPOCH).year


def _stretch(years: frozenset[int]) -> tuple[int, int]:
    """The first day of the first of some years, and the day after the last year that follows without a gap."""
    if not years:
        return 0, 0
    first = stop = min(years)
    while stop in years:
        stop += 1
    return date(first, 1, 1).toordinal() - _EPOCH, date(stop - 1, 12, 31).toordinal() - _EPOCH + 1


def _weekdays(day: int) -> int:
    """How many days from Monday to Friday lie before a day."""
    weeks, weekday = divmod(day + _MONDAY, 7)
    return weeks * 5 + min(weekday, 5)


def _ranges(years: Iterable[int]) -> str:
    """`2016 to 2019, 2023`."""
    every = sorted(years)
    breaks = [index + 1 for index, (one, two) in enumerate(pairwise(every)) if two > one + 1]
    runs = [every[start:stop] for start, stop in pairwise([0, *breaks, len(every)])]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs if run)
