"""Calendars: kinds of days, working days counted, and what is not covered refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.calendar import Calendar, NoCalendar, calendar_of, join, parse_days
from alerts.duration import DAY_US, HOUR_US
from alerts.model import to_us

SPRING = calendar_of({"holidays": ["2026-02-15..2026-02-23"], "workdays": ["2026-02-14", "2026-02-28"]})
SHANGHAI = timezone(timedelta(hours=8))


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI).astimezone(UTC))


@pytest.mark.parametrize(
    ("opened", "days", "due"),
    [
        ("02-12 10:00", 4, "02-25 10:00"),  # Thursday; Friday, the make-up Saturday, Tuesday and Wednesday after it
        ("02-12 10:00", 5, "02-26 10:00"),
        ("02-13 00:00", 2, "02-24 00:00"),
        ("02-14 23:59", 1, "02-24 23:59"),
        ("02-16 09:00", 1, "02-24 09:00"),  # opened in the holidays
        ("02-26 10:00", 2, "02-28 10:00"),  # the second make-up Saturday
        ("02-26 10:00", 3, "03-02 10:00"),
        ("03-07 10:00", 1, "03-09 10:00"),  # Saturday to Monday
        ("03-06 10:00", 1, "03-09 10:00"),
        ("03-06 10:00", 0, "03-06 10:00"),
    ],
)
def test_working_days_end_at_the_same_wall_time(opened: str, days: int, due: str) -> None:
    assert SPRING.add(at(opened), days * DAY_US) == at(due)


def test_a_part_of_a_working_day_flows_over_days_that_are_not_worked() -> None:
    assert SPRING.add(at("02-13 18:00"), DAY_US // 2) == at("02-14 06:00")
    assert SPRING.add(at("02-14 18:00"), DAY_US // 2) == at("02-24 06:00")
    assert SPRING.add(at("03-07 10:00"), DAY_US // 2) == at("03-07 10:00")  # credited to Friday: used at once


def test_working_time_stands_still_on_days_that_are_not_worked() -> None:
    assert SPRING.between(at("02-14 18:00"), at("02-24 06:00")) == DAY_US // 2
    assert SPRING.between(at("02-15 00:00"), at("02-23 23:00")) == 0
    assert SPRING.between(at("03-06 12:00"), at("03-07 12:00")) == DAY_US // 2


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("02-13", "workday"),
        ("02-14", "makeup_workday"),
        ("02-15", "holiday"),
        ("02-23", "holiday"),
        ("03-01", "weekend"),
    ],
)
def test_a_day_has_a_class_from_midnight_to_midnight_local_time(day: str, kind: str) -> None:
    assert {SPRING.day_class(at(f"{day} {time}")) for time in ("00:00", "23:59:59.999999")} == {kind}


def test_a_year_without_a_file_is_refused() -> None:
    one = Calendar("cn-2026", parse_days("2026-10-01..2026-10-07"), (), [2026])

    assert one.add(at("12-24 10:00"), 5 * DAY_US) == at("12-31 10:00")
    with pytest.raises(NoCalendar, match=r"^calendar `cn-2026` must cover 2027; covered: 2026$"):
        one.add(at("12-24 10:00"), 6 * DAY_US)
    with pytest.raises(NoCalendar):
        one.day_class(at("12-31 10:00") + DAY_US)
    with pytest.raises(NoCalendar):
        one.between(at("12-31 10:00"), at("12-31 10:00") + DAY_US)


def test_a_deadline_beyond_all_dates_is_refused() -> None:
    with pytest.raises(NoCalendar, match="a deadline must lie before the year 10000"):
        SPRING.add(at("12-24 10:00"), 10**7 * DAY_US)


def test_an_opening_on_the_first_holiday_needs_no_year_before() -> None:
    one = Calendar("cn-2026", parse_days("2026-01-01..2026-01-03"), parse_days("2026-01-04"), [2026])

    assert one.add(at("01-01 10:00"), DAY_US) == at("01-04 10:00")
    assert one.add(at("01-01 10:00"), HOUR_US) == at("01-01 10:00")


def test_a_family_covers_the_years_of_its_members_and_no_year_between() -> None:
    parts = [Calendar(f"cn-{year}", parse_days(f"{year}-01-01"), (), [year]) for year in (2023, 2024, 2026)]
    family = join("cn", parts)

    assert family.day_class(at("01-01 10:00")) == "holiday"
    with pytest.raises(NoCalendar, match="calendar `cn` must cover 2025; covered: 2023 to 2024, 2026"):
        family.between(at("01-05 10:00") - 800 * DAY_US, at("01-05 10:00"))


def test_the_version_names_what_the_calendar_says() -> None:
    same = calendar_of({"holidays": ["2026-02-15..2026-02-22", "2026-02-23"], "workdays": ["2026-02-28", "2026-02-14"]})
    other = calendar_of({"holidays": ["2026-02-15..2026-02-22"], "workdays": ["2026-02-28", "2026-02-14"]})

    assert same.version == SPRING.version != other.version
    assert SPRING.version.startswith("test@")


def test_a_day_that_is_both_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a day must be a holiday or a workday; got `2026-05-01` as both$"):
        calendar_of({"holidays": ["2026-05-01"], "workdays": ["2026-05-01"]})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("May 1", "days must be `2026-05-01` or `2026-05-01..2026-05-05`; got `May 1`"),
        ("2026-02-30", "days must be `2026-05-01` or `2026-05-01..2026-05-05`; got `2026-02-30`"),
        ("20260501", "days must be `2026-05-01` or `2026-05-01..2026-05-05`; got `20260501`"),
        (5, "days must be `2026-05-01` or `2026-05-01..2026-05-05`; got `5`"),
        ("2026-05-05..2026-05-01", "days must run forward; got `2026-05-05..2026-05-01`"),
    ],
)
def test_what_names_no_days_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_days(text)

    assert str(error.value) == sentence


# --- the same, day by day ---

FIRST = parse_days("2026-01-01")[0]
DAYS = st.frozensets(st.integers(FIRST, FIRST + 60), max_size=30)
INSTANTS = st.integers(FIRST * DAY_US, (FIRST + 70) * DAY_US)
AMOUNTS = st.integers(0, 20 * DAY_US) | st.integers(0, 20).map(lambda days: days * DAY_US)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    holidays = draw(DAYS)
    return Calendar("test", holidays, draw(DAYS) - holidays)


def is_worked(calendar: Calendar, at: int) -> bool:
    return calendar.day_class(at) in ("workday", "makeup_workday")


def add_by_day(calendar: Calendar, at: int, amount: int) -> int:
    """Walk on, using up each working day from the time of day at which the walk stands."""
    here = at
    while not is_worked(calendar, here):
        here -= DAY_US
    while True:
        midnight = (here + 8 * HOUR_US) // DAY_US * DAY_US + DAY_US - 8 * HOUR_US
        if here + amount < midnight:
            return max(here + amount, at)
        amount -= midnight - here
        here = midnight
        while not is_worked(calendar, here):
            here += DAY_US


@given(calendars(), INSTANTS, AMOUNTS)
def test_working_time_adds_up_as_it_does_day_by_day(calendar: Calendar, at: int, amount: int) -> None:
    assert calendar.add(at, amount) == add_by_day(calendar, at, amount)


@given(calendars(), INSTANTS, AMOUNTS)
def test_between_is_the_inverse_of_add(calendar: Calendar, at: int, amount: int) -> None:
    if is_worked(calendar, at):
        assert calendar.between(at, calendar.add(at, amount)) == amount


@given(calendars(), INSTANTS, AMOUNTS, AMOUNTS)
def test_more_working_time_never_ends_earlier(calendar: Calendar, at: int, one: int, more: int) -> None:
    assert at <= calendar.add(at, one) <= calendar.add(at, one + more)


@given(calendars(), st.lists(INSTANTS, min_size=3, max_size=3).map(sorted))
def test_working_time_between_adds_up(calendar: Calendar, instants: list[int]) -> None:
    one, two, three = instants

    assert calendar.between(one, two) + calendar.between(two, three) == calendar.between(one, three)
    assert calendar.between(three, one) == 0
