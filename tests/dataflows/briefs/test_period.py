"""Days, weeks and months of a brief, and what they are compared with."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from dataflows.briefs.change import Change, Rate, change, rate_change
from dataflows.briefs.period import Period, last_complete, period_of
from dataflows.briefs.words import change_cell, change_words, percent, period_words, points_cell, rate_cell


def test_a_week_runs_from_monday_to_sunday() -> None:
    week = period_of("week", date(2026, 11, 22))

    assert (week.first, week.last) == (date(2026, 11, 16), date(2026, 11, 22))
    assert week.before == Period("week", date(2026, 11, 9), date(2026, 11, 16))


def test_a_month_has_its_own_length() -> None:
    assert period_of("month", date(2024, 2, 29)).last == date(2024, 2, 29)
    assert period_of("month", date(2026, 12, 31)).end == date(2027, 1, 1)
    assert period_of("month", date(2026, 3, 31)).before.last == date(2026, 2, 28)


def test_a_period_begins_and_ends_at_local_midnight() -> None:
    day = period_of("day", date(2026, 11, 21))

    assert day.start_at == datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert day.end_at == datetime(2026, 11, 21, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "day", "first"),
    [
        ("day", date(2026, 11, 21), date(2025, 11, 21)),
        ("week", date(2026, 11, 21), date(2025, 11, 17)),
        ("month", date(2026, 11, 21), date(2025, 11, 1)),
        ("month", date(2024, 2, 29), date(2023, 2, 1)),
    ],
    ids=["the same date", "52 weeks before", "the same month", "a shorter month"],
)
def test_the_year_before(kind: str, day: date, first: date) -> None:
    before = period_of(kind, day).year_before  # type: ignore[arg-type]

    assert before is not None
    assert before.first == first


def test_the_29th_of_february_has_no_year_before() -> None:
    assert period_of("day", date(2024, 2, 29)).year_before is None


def test_what_the_pool_heard_last_is_behind_the_last_period() -> None:
    just_after = datetime(2026, 11, 22, 16, 0, 1, tzinfo=UTC)  # a second of Monday the 23rd

    assert last_complete("day", just_after).first == date(2026, 11, 22)
    assert last_complete("week", just_after).first == date(2026, 11, 16)
    assert last_complete("month", just_after).first == date(2026, 10, 1)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("day", "2026年11月21日（星期六）"), ("week", "2026年第47周（11月16日至11月22日）"), ("month", "2026年11月")],
)
def test_a_period_in_words(kind: str, words: str) -> None:
    assert period_words(period_of(kind, date(2026, 11, 21))) == words  # type: ignore[arg-type]


def test_a_week_of_two_years_counts_for_that_of_its_thursday() -> None:
    assert period_words(period_of("week", date(2027, 1, 1))).startswith("2026年第53周")


@pytest.mark.parametrize(
    ("made", "cell", "words"),
    [
        (change(105, 100), "+5.0%", "上升5.0%"),
        (change(93, 100), "−7.0%", "下降7.0%"),
        (change(100, 100), "0.0%", "持平"),
        (change(3, 0), "—", "—（基期为0）"),
        (change(0, 0), "—", "—（基期为0）"),
        (change(3, "no_data"), "—", "—（无数据或数据不全）"),
        (change(3, "not_over"), "—", "—（本期未结束）"),
        (change(3, "no_such_day"), "—", "—（上年无此日）"),
    ],
)
def test_where_there_is_nothing_to_compare_with_a_dash_says_why(made: Change, cell: str, words: str) -> None:
    assert (change_cell(made), change_words(made)) == (cell, words)


def test_rates_change_by_points_and_nothing_of_nothing_is_no_rate() -> None:
    assert points_cell(rate_change(Rate(3, 4), Rate(1, 2))) == "+25.0"
    assert rate_change(Rate(3, 4), Rate(0, 0)) == Change(None, "nobody")
    assert rate_cell(Rate(238, 690)) == "34.5%\n238/690"
    assert rate_cell(Rate(0, 0)) == percent(Rate(0, 0).share) == "—"
