"""What a department does with a report afterwards: steps, each some time after the last, offices on open days."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dataflows.city.holidays import wait_for_office
from dataflows.city.report import Report, Step
from dataflows.city.when import DAY, HOUR, MINUTE, SECOND, day_number

Even = Callable[[], float]
# (action, shortest wait, longest wait, part of the cases that get it); waits are skewed to the short side.
Plan = tuple[tuple[str, int, int, float], ...]

PLANS: dict[str, Plan] = {
    "police": (
        ("accepted", 5 * SECOND, MINUTE, 1),
        ("dispatched", 20 * SECOND, 5 * MINUTE, 0.85),
        ("started", 3 * MINUTE, 25 * MINUTE, 0.8),
        ("replied", 10 * MINUTE, 3 * HOUR, 1),
        ("closed", 5 * MINUTE, 12 * HOUR, 0.99),
        ("visited", 8 * HOUR, 3 * DAY, 0.15),
    ),
    "hotline": (
        ("accepted", 2 * MINUTE, HOUR, 1),
        ("dispatched", 10 * MINUTE, DAY, 0.9),
        ("replied", 2 * HOUR, 4 * DAY, 0.96),
        ("closed", 10 * MINUTE, DAY, 0.999),
        ("visited", 4 * HOUR, 3 * DAY, 0.6),
    ),
    "petition": (
        ("accepted", HOUR, 10 * DAY, 1),
        ("dispatched", HOUR, 3 * DAY, 0.95),
        ("replied", 3 * DAY, 36 * DAY, 0.97),
        ("closed", HOUR, 6 * DAY, 0.995),
        ("visited", DAY, 10 * DAY, 0.5),
    ),
    "grid": (
        ("accepted", MINUTE, 2 * HOUR, 1),
        ("started", 5 * MINUTE, DAY, 0.7),
        ("resolved", 20 * MINUTE, 3 * DAY, 0.85),
        ("closed", MINUTE, 6 * HOUR, 0.998),
        ("visited", HOUR, 4 * DAY, 0.3),
    ),
    "court": (
        ("accepted", HOUR, 5 * DAY, 1),
        ("started", DAY, 10 * DAY, 0.8),
        ("resolved", 5 * DAY, 40 * DAY, 0.6),
        ("closed", HOUR, 5 * DAY, 0.97),
    ),
    "superior": (
        ("accepted", HOUR, DAY, 1),
        ("dispatched", HOUR, 2 * DAY, 1),
        ("replied", DAY, 10 * DAY, 0.95),
        ("closed", HOUR, 3 * DAY, 0.995),
    ),
}
_CITIZEN_DOOR: Plan = (
    ("accepted", 5 * MINUTE, 4 * HOUR, 1),
    ("dispatched", 10 * MINUTE, DAY, 0.8),
    ("replied", HOUR, 4 * DAY, 0.95),
    ("closed", MINUTE, DAY, 0.998),
    ("visited", 2 * HOUR, 4 * DAY, 0.4),
)
_EXTENSION: Plan = (("extension_granted", 2 * DAY, 4 * DAY, 1), ("extension_ended", 2 * DAY, 5 * DAY, 1))

UNITS = {1: "网格", 2: "社区办", 3: "综治中心", 4: "区县部门", 5: "市级部门"}
ROUND_THE_CLOCK = ("police", "grid")  # who works on days off as well
EXTENDED = 0.03
REOPENED = 0.02


def steps(report: Report, even: Even) -> Iterator[Step]:
    """The steps that follow a report; the caller may stop listening at the end of its span."""
    at = report.occurred_us
    level = 1 + int(even() * even() * 5)
    unit = report.village.township + UNITS[level] if level <= 3 else report.village.county + UNITS[level]
    seen: dict[str, int] = {}
    for action, shortest, longest, share in _plan(report.channel, even):
        if share < 1 and even() > share:
            continue
        wait = even()
        at = in_office(report.channel, at + shortest + int((longest - shortest) * wait * wait * wait))
        version = seen[action] = seen.get(action, 0) + 1
        satisfied = even() < 0.82 if action == "visited" else None
        yield Step(report.channel, report.case, action, version, at, report.village, unit, level, satisfied)


def in_office(channel: str, at_us: int) -> int:
    """That time, or the same time of the next day on which the office is open: work waits for people."""
    return at_us if channel in ROUND_THE_CLOCK else at_us + wait_for_office(day_number(at_us)) * DAY


def _plan(channel: str, even: Even) -> Plan:
    plan = PLANS.get(channel, _CITIZEN_DOOR)
    chance = even()
    if channel == "hotline" and chance < EXTENDED:
        return plan[:2] + _EXTENSION + plan[2:]
    if chance > 1 - REOPENED:
        return (*plan, ("reopened", HOUR, 5 * DAY, 1), *plan[-3:])
    return plan
