"""What a surge calls usual is what a query over the data pool finds, slot by slot."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

import pytest

from alerts.duration import DAY_US, HOUR_US
from alerts.fields import LOCAL_OFFSET_HOURS
from alerts.model import Arrival, Event, Revision, from_us, to_us
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool
from connectors.clickhouse_schema import Retention
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.replay import replay

pytestmark = pytest.mark.integration

MONDAY = to_us(datetime.fromisoformat("2026-03-02T00:00:00+08:00"))
BURST_DAY = 37  # a Wednesday after the holiday of Qingming
TOWNSHIP = "620102001"
SAME_HOUR = """
    SELECT toDate(at) AS day, count() AS contacts
    FROM (
        SELECT toTimeZone(subtractSeconds(occurred_at, 1), 'Asia/Shanghai') AS at
        FROM events FINAL WHERE is_contact AND township = {township:String} AND subcategory = 'water'
    )
    WHERE toHour(at) = {hour:UInt8}
    GROUP BY day"""


def contact(number: int, at: int) -> Arrival:
    event = Event(
        id=f"e{number}", channel="hotline", action="received", occurred_at=from_us(at), region=TOWNSHIP,
        category="service", subcategory="water",
    )  # fmt: skip
    return Arrival(event, at)


def five_weeks() -> list[Arrival]:
    """A few contacts an hour, fewer at weekends and on holidays, none at night; and then a burst."""
    rng, calendar = Random(3), load_calendars()["cn"]
    found = []
    for day in range(BURST_DAY):
        busy = 5 if calendar.day_class(MONDAY + day * DAY_US) in ("workday", "makeup_workday") else 2
        for hour in range(8, 20):
            for _ in range(rng.randrange(busy)):
                found.append(MONDAY + day * DAY_US + hour * HOUR_US + rng.randrange(1, 3600) * 1_000_000)
    found += [MONDAY + BURST_DAY * DAY_US + 10 * HOUR_US + number * 90_000_000 for number in range(30)]
    found += [MONDAY + BURST_DAY * DAY_US + 15 * HOUR_US]
    return [contact(number, at) for number, at in enumerate(sorted(found))]


def usual(pool: Pool, hour: int) -> tuple[float, float, int]:
    """Median, median deviation and number of the same hour on earlier working days, by a query."""
    calendar = load_calendars()["cn"]
    counts = {str(row["day"]): row["contacts"] for row in pool.rows(SAME_HOUR, township=TOWNSHIP, hour=hour)}
    days = [from_us(MONDAY + day * DAY_US) + timedelta(hours=LOCAL_OFFSET_HOURS) for day in range(1, BURST_DAY)]
    wanted = calendar.day_class(MONDAY + BURST_DAY * DAY_US)
    values = [
        counts.get(str(day.date()), 0)
        for number, day in enumerate(days, 1)
        if calendar.day_class(MONDAY + number * DAY_US) == wanted
    ]
    middle = median(values)
    return middle, median(abs(value - middle) for value in values), len(values)


def test_median_and_deviation_are_those_of_the_pool(tmp_path: Path) -> None:
    dsn = f"chdb://{tmp_path}/pool"
    with Pool(dsn) as pool:
        pool.migrate(Retention(None, None, None))
    channels = load_channels()
    rules = load_rules([RULES_FOLDER / "situational-awareness/area_surge.yaml"], channels)
    said: list[Revision] = replay(iter(five_weeks()), rules, channels, pool_dsn=dsn).revisions()
    with Pool(dsn) as pool:
        middle, deviation, slots = usual(pool, 10)

    assert slots > 15
    assert deviation > 0
    opened = said[0]
    assert (opened.reason, opened.key) == ("opened", {"township": TOWNSHIP, "subcategory": "water"})
    assert (opened.measures["median"], opened.measures["mad"]) == (middle, deviation)
    assert opened.baseline_version is not None
    assert opened.matched_at - from_us(MONDAY + BURST_DAY * DAY_US) < timedelta(hours=11)
