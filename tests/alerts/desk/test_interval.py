"""Hours of some days: what lies in them, and when they begin next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.calendar import Calendar, calendar_of
from alerts.desk.interval import Interval
from alerts.desk.routing_file import IntervalSettings
from alerts.duration import DAY_US, MINUTE_US
from alerts.model import from_us, to_us

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = calendar_of({"holidays": ["2026-10-01..2026-10-07"], "workdays": ["2026-10-10"]})
OFFICE = Interval(IntervalSettings(["14:30-18:00", "08:30-12:00"]), CALENDAR)


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("2026-09-30T08:29:59", False),
        ("2026-09-30T08:30:00", True),
        ("2026-09-30T11:59:59", True),
        ("2026-09-30T12:00:00", False),
        ("2026-09-30T14:30:00", True),
        ("2026-10-01T09:00:00", False),  # a holiday
        ("2026-10-10T09:00:00", True),  # a Saturday that is worked
        ("2026-10-11T09:00:00", False),
    ],
)
def test_hours_hold_on_worked_days_with_an_open_end(text: str, holds: bool) -> None:
    assert OFFICE.holds(at(text)) is holds


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("2026-09-29T07:00:00", "2026-09-29T08:30:00"),
        ("2026-09-29T08:30:00", "2026-09-29T14:30:00"),
        ("2026-09-30T20:00:00", "2026-10-08T08:30:00"),
    ],
)
def test_it_begins_next_behind_the_holidays(text: str, begins: str) -> None:
    assert OFFICE.next_begin(at(text)) == at(begins)


@given(st.integers(0, 400 * 24 * 60))
def test_the_next_begin_lies_ahead_and_inside_and_nothing_before_it_does(minutes: int) -> None:
    now = at("2026-01-01T00:00:00") + minutes * MINUTE_US
    begin = OFFICE.next_begin(now)

    assert now < begin <= now + 10 * DAY_US
    assert OFFICE.holds(begin)
    assert not OFFICE.holds(begin - 1)


def test_a_day_that_no_calendar_knows_lies_inside() -> None:
    interval = Interval(IntervalSettings(["00:00-24:00"]), Calendar("cn", [], [], [2026]))

    assert interval.holds(at("2031-10-01T03:00:00"))


def test_hours_that_run_backwards_are_refused() -> None:
    with pytest.raises(ValueError, match="hours must run forward inside one day; got `18:00-08:00`"):
        Interval(IntervalSettings(["18:00-08:00"]), CALENDAR)


def test_midnight_is_local() -> None:
    night = Interval(IntervalSettings(["00:00-06:00"]), CALENDAR)

    assert from_us(night.next_begin(at("2026-09-29T12:00:00"))).astimezone(SHANGHAI).strftime("%d %H:%M") == "30 00:00"
