"""When people call: the rhythm of the day and of the week, and how many calls an hour brings."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sqrt

from dataflows.city.holidays import day_class, is_backlog_day, weekday

# Parts of the day's calls by local hour. The police hear the evening, offices their opening hours.
_ROUND_THE_CLOCK = "2.2 1.6 1.2 .9 .8 .9 1.6 3 4.6 5.6 5.9 5.6 4.6 4.7 5.2 5.4 5.6 5.8 6 6.4 6.6 6.2 5.2 3.6"
_OFFICE = "0 0 0 0 0 0 0 .5 6 14 15 11 2 3 11 14 12 8 2 .5 .5 .3 .2 0"
_HOTLINE = "1.2 .8 .6 .5 .5 .6 1.4 3.2 7 9.4 9.2 7.6 4.4 4.6 7.2 7.8 7.4 6 4.6 4.4 4 3.4 2.6 1.6"
_APP = "1 .6 .4 .3 .3 .6 2 5 7 7 6.6 6 5.6 5 5.2 5.4 5.6 6 6.4 7 7 5.6 3.6 1.8"

HOURS = {
    "police": _ROUND_THE_CLOCK,
    "hotline": _HOTLINE,
    "petition": _OFFICE,
    "grid": _APP,
    "court": _OFFICE,
    "helpdesk": _APP,
    "superior": _OFFICE,
    "walkin": _OFFICE,
    "online": _APP,
    "resident": _APP,
}
# What a Saturday and a Sunday bring, as a part of a working day.
WEEKEND = {
    "police": (0.97, 0.92),
    "hotline": (0.66, 0.6),
    "petition": (0.1, 0.06),
    "grid": (0.6, 0.5),
    "court": (0.05, 0.03),
    "helpdesk": (0.75, 0.7),
    "superior": (0.1, 0.1),
    "walkin": (0.3, 0.1),
    "online": (0.8, 0.8),
    "resident": (0.9, 0.85),
}


# A public holiday as a part of a Sunday, and the first day after a long one as a part of a working day.
HOLIDAY = 0.8
BACKLOG = 1.5
OFFICES = ("hotline", "petition", "court", "helpdesk", "superior", "walkin", "online", "resident")


def shape_of_day(channel: str, day: int) -> tuple[int, float]:
    """The weekday whose hours a local day has, and how many times as much it brings."""
    kind = day_class(day)
    if kind == "holiday":
        return 6, HOLIDAY
    if kind == "makeup_workday":
        return 4, BACKLOG if channel in OFFICES and is_backlog_day(day) else 1.0
    return weekday(day), BACKLOG if channel in OFFICES and is_backlog_day(day) else 1.0


def hourly(channel: str) -> tuple[tuple[float, ...], ...]:
    """For each weekday from Monday the part of an average day's calls that each hour brings."""
    hours = [float(part) for part in HOURS[channel].split()]
    days = (1.0,) * 5 + WEEKEND[channel]
    scale = sum(hours) * sum(days) / 7
    return tuple(tuple(part * day / scale for part in hours) for day in days)


def draw_count(mean: float, even: Callable[[], float]) -> int:
    """A count with that mean, spread as independent calls are (Poisson; its normal form above thirty)."""
    if mean <= 0:
        return 0
    if mean > 30:
        spread = sum(even() for _ in range(12)) - 6
        return max(0, round(mean + sqrt(mean) * spread))
    count, left, floor = 0, even(), exp(-mean)
    while left > floor:
        count += 1
        left *= even()
    return count
