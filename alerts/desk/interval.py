"""Hours of some days: whether an instant lies in them, and when they begin next."""

from __future__ import annotations

from alerts.calendar import LOCAL_US, Calendar, NoCalendar
from alerts.desk.routing_file import IntervalSettings
from alerts.duration import DAY_US, MINUTE_US

DAYS_AHEAD = 40  # no holiday is longer


class Interval:
    """An interval of a routing file; a day that the calendar does not know lies in it."""

    def __init__(self, settings: IntervalSettings, calendar: Calendar) -> None:
        self._days = frozenset(settings.days)
        self._calendar = calendar
        self._hours = sorted(map(_span, settings.hours))

    def holds(self, at: int) -> bool:
        """Does the instant lie in it? Ends are open: 12:00 is no more in `08:30-12:00`."""
        time = (at + LOCAL_US) % DAY_US
        return self._is_day(at) and any(start <= time < end for start, end in self._hours)

    def next_begin(self, at: int) -> int:
        """The first instant after `at` at which it begins."""
        midnight = (at + LOCAL_US) // DAY_US * DAY_US - LOCAL_US
        for day in range(DAYS_AHEAD):
            start_of_day = midnight + day * DAY_US
            if self._is_day(start_of_day):
                for start, _ in self._hours:
                    if start_of_day + start > at:
                        return start_of_day + start
        return midnight + DAYS_AHEAD * DAY_US

    def _is_day(self, at: int) -> bool:
        try:
            return self._calendar.day_class(at) in self._days
        except NoCalendar:
            return True


def _span(text: str) -> tuple[int, int]:
    start, _, end = text.partition("-")
    span = _time(start), _time(end)
    if span[0] >= span[1]:
        raise ValueError(f"hours must run forward inside one day; got `{text}`")
    return span


def _time(text: str) -> int:
    hour, _, minute = text.partition(":")
    return (int(hour) * 60 + int(minute)) * MINUTE_US
