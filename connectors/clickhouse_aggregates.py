"""The exact aggregates: cells that are counted again from `events` whenever their hour is touched.

Nothing is added up on the way in, so an event that comes twice, late, or again with another matter or
category leaves no trace: after a refresh each cell equals a recount of `events FINAL`.
An hour is a count of hours since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from alerts.model import to_us
from connectors.clickhouse_client import PoolClient

EPOCH = date(1970, 1, 1)
ZONE = "Asia/Shanghai"
ZONE_HOURS = 8  # of a whole number of hours, so that a local day is made of whole UTC hours
HOURS_AT_ONCE = 24 * 31  # while a history is loaded: bounds the statement and its memory
AREAS = {"city": "''", "county": "county", "township": "township", "village": "village"}
KEYS = ("bucket", "area_level", "region", "channel", "category")
MEASURES = {
    "events": "count()",
    "contacts": "countIf(is_contact)",
    "reporters": "uniqExactIf(reporter, is_contact AND reporter != '')",
    "violence_max": "max(ifNull(violence, 0))",
    "closed": "countIf(action = 'closed')",
    "overdue": "0",
    "satisfied": "countIf(ifNull(satisfied, false))",
    "asked_back": "countIf(satisfied IS NOT NULL)",
}


class Aggregate(NamedTuple):
    """One aggregate table, and where a time and a touched hour lie in it."""

    table: str
    bucket_of_event: str
    hour_of_bucket: str
    whole_days: bool = False


AGGREGATES = (
    Aggregate("agg_contacts_5m", "toStartOfFiveMinutes(occurred_at)", "toStartOfHour(bucket)"),
    Aggregate("agg_contacts_hourly", "toStartOfHour(occurred_at)", "bucket"),
    Aggregate(
        "agg_contacts_daily",
        f"toDate(occurred_at, '{ZONE}')",
        f"toDateTime(bucket, '{ZONE}')",
        whole_days=True,
    ),
)


def hour_of(at: datetime) -> int:
    """The hour that must be counted again when something changed at this time."""
    return to_us(at) // 3_600_000_000


def recount(client: PoolClient, hours: Iterable[int], version: int) -> int:
    """Count all cells of the touched hours again and write those that differ; how many hours that were.

    `version` must be greater than that of any recount before.
    """
    done = 0
    for chunk in _chunks(sorted(hours)):
        for aggregate in AGGREGATES:
            client.insert_selected(_recount_sql(aggregate, chunk, version))
        done += len(chunk)
    return done


def day_of(hour: int) -> int:
    """The local day, since 1970, in which an hour lies."""
    return (hour + ZONE_HOURS) // 24


def days_with_cells(client: PoolClient, days: Iterable[int]) -> set[int]:
    """Of some local days those that were counted already."""
    wanted = ", ".join(f"'{EPOCH + timedelta(days=day)}'" for day in sorted(days))
    rows = client.rows(
        "SELECT DISTINCT toInt32(bucket) AS day FROM agg_contacts_daily FINAL"
        f" WHERE area_level = 'city' AND bucket IN ({wanted})"
    )
    return {row["day"] for row in rows}


def greatest_version(client: PoolClient) -> int:
    """The greatest version that any row of the pool has; a writer counts on from it."""
    tables = ("events", *(aggregate.table for aggregate in AGGREGATES))
    return max(int(client.value(f"SELECT max(version) FROM {table}")) for table in tables)


def differing_cells(client: PoolClient, limit: int = 100) -> list[dict[str, Any]]:
    """The cells that do not equal a recount: none, unless a refresh is still to come or we are wrong.

    The recount is written apart from the one that fills the tables, so that one mistake is not made twice.
    """
    return [
        {"table": aggregate.table, **row}
        for aggregate in AGGREGATES
        for row in client.rows(_difference_sql(aggregate), limit=limit)
    ]


def _chunks(hours: list[int]) -> Iterator[list[int]]:
    rest = iter(hours)
    while chunk := list(islice(rest, HOURS_AT_ONCE)):
        yield chunk


def _days(hours: list[int]) -> list[int]:
    """All hours of the local days that some hours lie in."""
    days = sorted(set(map(day_of, hours)))
    return [day * 24 - ZONE_HOURS + hour for day in days for hour in range(24)]


def _recount_sql(aggregate: Aggregate, hours: list[int], version: int) -> str:
    keys = ", ".join(KEYS)
    counted = ", ".join(f"{count} AS n_{name}" for name, count in MEASURES.items())
    kept = ", ".join(f"{name} AS n_{name}" for name in MEASURES)
    fresh = ", ".join(f"sumIf(n_{name}, is_fresh)" for name in MEASURES)
    differs = " OR ".join(f"sumIf(n_{name}, is_fresh) != sumIf(n_{name}, NOT is_fresh)" for name in MEASURES)
    areas = ", ".join(f"('{level}', {code})" for level, code in AREAS.items())
    events_touched = _touched("toStartOfHour(occurred_at)", "occurred_at", aggregate, hours)
    cells_touched = _touched(aggregate.hour_of_bucket, aggregate.hour_of_bucket, aggregate, hours)
    return f"""
INSERT INTO {aggregate.table} ({keys}, {", ".join(MEASURES)}, version, is_deleted)
SELECT {keys}, {fresh}, {version}, sumIf(n_events, is_fresh) = 0
FROM
(
    SELECT {aggregate.bucket_of_event} AS bucket, area.1 AS area_level, area.2 AS region, channel, category,
        {counted}, true AS is_fresh
    FROM events FINAL
    ARRAY JOIN [{areas}] AS area
    WHERE action != 'heartbeat' AND {events_touched}
    GROUP BY {keys}
    UNION ALL
    SELECT {keys}, {kept}, false AS is_fresh FROM {aggregate.table} FINAL WHERE {cells_touched}
)
GROUP BY {keys}
HAVING {differs}"""


def _touched(hour: str, at: str, aggregate: Aggregate, hours: list[int]) -> str:
    """The condition that a row lies in the touched hours; the range is there to leave out partitions."""
    wanted = _days(hours) if aggregate.whole_days else hours
    starts = ",".join(str(each * 3600) for each in wanted)
    first, behind = wanted[0] * 3600, (wanted[-1] + 1) * 3600
    return (
        f"{at} >= toDateTime({first}, 'UTC') AND {at} < toDateTime({behind}, 'UTC')"
        f" AND {hour} IN (SELECT toDateTime(arrayJoin([{starts}]), 'UTC'))"
    )


def _difference_sql(aggregate: Aggregate) -> str:
    truth = "\n    UNION ALL\n".join(_truth_sql(aggregate, level) for level in AREAS)
    kept = f"SELECT {', '.join((*KEYS, *MEASURES))} FROM {aggregate.table} FINAL"
    return f"""
SELECT * FROM (
    SELECT 'recount' AS side, * FROM (SELECT * FROM ({truth}) EXCEPT DISTINCT {kept})
    UNION ALL
    SELECT 'aggregate' AS side, * FROM ({kept} EXCEPT DISTINCT SELECT * FROM ({truth}))
)
ORDER BY bucket, area_level, region, channel, category, side
LIMIT {{limit:UInt32}}"""


def _truth_sql(aggregate: Aggregate, level: str) -> str:
    contact = "e.action = 'received' AND NOT has(['transfer', 'referral', 'callback', 'duplicate'], e.link_type)"
    return f"""
    SELECT
        {aggregate.bucket_of_event.replace("occurred_at", "e.occurred_at")} AS bucket,
        '{level}' AS area_level,
        {AREAS[level]} AS region,
        e.channel AS channel,
        e.category AS category,
        count(DISTINCT e.id) AS events,
        toUInt64(sum({contact})) AS contacts,
        count(DISTINCT if({contact}, nullIf(e.reporter, ''), NULL)) AS reporters,
        toUInt8(max(coalesce(e.violence, 0))) AS violence_max,
        toUInt64(sum(e.action = 'closed')) AS closed,
        toUInt64(0) AS overdue,
        toUInt64(sum(coalesce(e.satisfied = true, false))) AS satisfied,
        count(e.satisfied) AS asked_back
    FROM (SELECT * FROM events FINAL WHERE action != 'heartbeat') AS e
    GROUP BY bucket, area_level, region, channel, category"""
