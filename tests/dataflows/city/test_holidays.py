"""Days off, make-up workdays, and what waits for them."""

from __future__ import annotations

from datetime import date

import pytest

from dataflows.city.handling import in_office
from dataflows.city.holidays import day_class, is_backlog_day, wait_for_office, weekday
from dataflows.city.rhythm import shape_of_day
from dataflows.city.when import DAY, HOUR, day_number


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2026-02-13", "workday"), ("2026-02-14", "makeup_workday"), ("2026-02-17", "holiday"), ("2026-03-01", "weekend"),
     ("2031-02-01", "weekend"), ("2031-02-03", "workday")],
)  # fmt: skip
def test_days_are_classed_as_announced_and_by_weekday_elsewhere(text: str, wanted: str) -> None:
    assert day_class(day(text)) == wanted
    assert weekday(day(text)) == date.fromisoformat(text).weekday()


def test_after_the_spring_festival_the_work_has_piled_up() -> None:
    assert is_backlog_day(day("2026-02-24"))
    assert not is_backlog_day(day("2026-02-25"))
    assert not is_backlog_day(day("2026-03-02")), "a weekend piles up nothing"


def test_an_office_hears_little_on_a_holiday_and_more_on_the_day_after() -> None:
    assert shape_of_day("hotline", day("2026-02-17")) == (6, 0.8)
    assert shape_of_day("hotline", day("2026-02-24")) == (1, 1.5)
    assert shape_of_day("police", day("2026-02-24")) == (1, 1.0)
    assert shape_of_day("petition", day("2026-02-14")) == (4, 1.0)


def test_work_of_an_office_waits_for_the_next_open_day_and_the_police_do_not() -> None:
    saturday = day("2026-03-07") * DAY + 3 * HOUR

    assert wait_for_office(day_number(saturday)) == 2
    assert in_office("petition", saturday) == saturday + 2 * DAY
    assert in_office("police", saturday) == saturday
