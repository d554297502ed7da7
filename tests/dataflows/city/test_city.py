"""The simulated city: the same for the same seed, in order, with a rhythm, and full of people's data."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import islice
from typing import Any

import pytest

from connectors.identifiers import find_identifiers
from dataflows.city import City, RawRow
from dataflows.city.broken import broken_counts
from dataflows.city.departments import DEPARTMENTS
from dataflows.city.kinds import CHANNELS
from dataflows.city.when import HOUR, SECOND, day_number

SMALL = {"days": 2, "reports_per_day": 600}


def rows_of(**options: Any) -> list[RawRow]:
    return list(City(**{**SMALL, **options}))


@pytest.fixture(scope="module")
def rows() -> list[RawRow]:
    return rows_of()


@pytest.fixture(scope="module")
def week() -> list[RawRow]:
    """Monday to Sunday, contacts of the everyday only matter here."""
    return rows_of(days=7, reports_per_day=1000)


def local_hour(row: RawRow) -> int:
    return (row.arrives_at_us // HOUR + 8) % 24


def text_of(row: RawRow) -> str:
    return "" if isinstance(row.row, bytes) else " ".join(map(str, row.row.values()))


def test_the_same_seed_gives_the_same_city(rows: list[RawRow]) -> None:
    assert rows == rows_of()
    assert rows != rows_of(seed=2)


def test_a_city_may_be_asked_twice() -> None:
    city = City(**SMALL)

    assert list(islice(city, 500)) == list(islice(city, 500))


def test_rows_come_in_the_order_of_their_arrival_and_inside_the_span(rows: list[RawRow]) -> None:
    arrivals = [row.arrives_at_us for row in rows]
    city = City(**SMALL)

    assert arrivals == sorted(arrivals)
    assert city.start_us <= arrivals[0]
    assert arrivals[-1] < city.end_us


def test_all_ten_channels_speak_and_each_in_its_own_way(rows: list[RawRow]) -> None:
    assert {row.channel for row in rows} == set(CHANNELS)
    assert {(row.channel, row.way, row.mapping) for row in rows} == {
        (name, department.way, department.mapping) for name, department in DEPARTMENTS.items()
    }


def test_there_are_as_many_reports_as_asked_for() -> None:
    rows = rows_of(days=5, reports_per_day=2000)  # Monday to Friday

    contacts = sum(row.row.get("JLLX") == "接警" for row in rows if isinstance(row.row, dict))

    police_a_day = contacts / 5
    assert police_a_day == pytest.approx(2000 * DEPARTMENTS["police"].share, rel=0.15)


def test_the_night_is_quieter_than_the_day(week: list[RawRow]) -> None:
    hours = Counter(local_hour(row) for row in week if is_contact(row))

    night, day = (sum(hours[hour] for hour in part) for part in (range(1, 6), range(9, 14)))
    assert night * 3 < day


def test_the_weekend_is_quieter_than_the_week(week: list[RawRow]) -> None:
    start = day_number(week[0].arrives_at_us)
    days = Counter(
        day_number(row.arrives_at_us) - start for row in week if row.channel == "hotline" and is_contact(row)
    )

    assert max(days[5], days[6]) < min(days[day] for day in range(5))


def is_contact(row: RawRow) -> bool:
    return (
        row.story is None
        and isinstance(row.row, dict)
        and row.row.get("event", row.row.get("JLLX")) in ("create", "接警")
    )


def test_every_channel_has_heartbeats_that_do_not_run_ahead(rows: list[RawRow]) -> None:
    beats = [row for row in rows if any(word in text_of(row) for word in ("心跳", "heartbeat", "截止"))]
    grid = [row.row for row in rows if isinstance(row.row, dict) and row.row.get("op") == 0]

    assert {row.channel for row in beats} == set(CHANNELS) - {"grid"}
    assert len(grid) == 2 * 24 * 6


def test_identifiers_stand_in_the_raw_rows_in_columns_and_in_words(rows: list[RawRow]) -> None:
    words = ("BJNR", "content", "概况", "desc", "诉请摘要", "words", "事项内容", "诉求")
    in_text: Counter[str] = Counter()
    in_columns: Counter[str] = Counter()
    for row in rows:
        if isinstance(row.row, dict):
            for column, value in row.row.items():
                found = (one.kind for one in find_identifiers(str(value)))
                (in_text if column in words else in_columns).update(found)

    assert in_text["phone"] > 50
    assert in_text["id_card"] > 10
    assert in_text["plate"] > 5
    assert in_columns["phone"] > 300
    assert in_columns["id_card"] > 50


def test_the_everyday_meets_nobody_twice_but_for_a_few_second_calls() -> None:
    rows = rows_of(days=3, reports_per_day=3000, with_broken=False)
    phones = Counter(
        row.row["LXDH"] for row in rows if isinstance(row.row, dict) and row.story is None and row.row.get("LXDH")
    )
    withheld = phones.pop("未显示号码")

    assert withheld > 20
    assert max(phones.values()) <= 4, "twice called, twice delivered"
    assert sum(count > 1 for count in phones.values()) < 0.05 * len(phones)


def test_some_rows_come_twice_and_some_hours_late() -> None:
    rows = rows_of(days=3, reports_per_day=3000)
    late = 0
    for row in rows:
        if isinstance(row.row, dict) and row.channel == "hotline" and row.story is None:
            occurred = datetime.fromisoformat(row.row["time"]) if "13-45" not in row.row["time"] else None
            late += bool(occurred and row.arrives_at_us - occurred.timestamp() * SECOND > HOUR)
    contacts = Counter(
        row.row["JJDBH"]
        for row in rows
        if isinstance(row.row, dict) and row.row.get("JLLX") == "接警" and row.story is None
    )

    assert late > 5
    assert 1 <= sum(count == 2 for count in contacts.values()) < 50


def test_broken_rows_of_each_sort_come_as_often_as_said() -> None:
    city = City(days=4, reports_per_day=10)

    counts = broken_counts(city.start_us, city.days)

    assert sum(counts.values()) == 4 * 6
    assert set(counts) >= {
        "bad_json",
        "bad_time",
        "unknown_channel",
        "too_large",
        "bad_encoding",
        "missing_column",
    }
    assert sum(isinstance(row.row, bytes) for row in city) == sum(
        counts[reason] for reason in ("bad_json", "bad_encoding")
    )


def test_what_is_kept_does_not_grow_with_what_was_told() -> None:
    rows = City(days=3650, reports_per_day=200).rows()

    assert len(list(islice(rows, 5000))) == 5000


def test_rows_without_broken_ones_are_all_dictionaries() -> None:
    assert all(isinstance(row.row, dict) for row in rows_of(with_broken=False, days=3, reports_per_day=50))


def test_a_city_of_no_days_or_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="a city must live for at least 1 day; got 0"):
        City(days=0)
    with pytest.raises(ValueError, match="`start` must have an offset; got 2026-03-02 00:00:00"):
        City(start=datetime.fromisoformat("2026-03-02"))
