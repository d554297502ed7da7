"""What a brief asks the pool about volumes: contacts by time, channel, category and place; who was asked back.

A brief is about a region: "" for all, or the code of a county or township. Days are local; a span holds its first day
and ends before its last.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from alerts.model import from_us
from connectors.clickhouse import Pool

LEVELS = {0: "city", 6: "county", 9: "township", 12: "village"}  # digits of a code -> level of its area
PARTS = {0: "county", 6: "township", 9: "village"}  # what an area is made of


class Span(NamedTuple):
    """Days from the first on, before the last."""

    first: date
    end: date


class Volumes(NamedTuple):
    """Contacts of a region in a span."""

    contacts: int
    by_channel: Mapping[str, int]
    by_category: Mapping[str, int]
    by_part: Mapping[str, int]  # the counties, townships or villages of the region; "" where nobody said which


class Bounds(NamedTuple):
    """From which day on there are contacts, and when the last event arrived; nothing in an empty pool."""

    first_day: date | None
    arrived_until: datetime | None


def bounds(pool: Pool) -> Bounds:
    """How far the pool reaches back, and up to when it knows. Raises `ValueError` where it has no tables."""
    arrived = pool.arrived()
    (days,) = pool.rows("SELECT count() AS cells, min(bucket) AS first FROM agg_contacts_daily FINAL")
    return Bounds(days["first"] if days["cells"] else None, from_us(arrived[1]) if arrived else None)


def days_heard(pool: Pool, span: Span) -> set[date]:
    """The days of a span on which anything arrived from anywhere: on the others it is not known what happened."""
    rows = pool.rows(
        """
        SELECT DISTINCT bucket FROM agg_contacts_daily FINAL
        WHERE bucket >= {first:Date} AND bucket < {end:Date} AND area_level = 'city'""",
        first=span.first,
        end=span.end,
    )
    return {row["bucket"] for row in rows}


def volumes(pool: Pool, span: Span, region: str) -> Volumes:
    """Contacts in a span by channel, by category and by part."""
    cells = _cells(pool, span, region, "channel, category, sum(d.contacts) AS number", "channel, category")
    channels: dict[str, int] = {}
    categories: dict[str, int] = {}
    for cell in cells:
        channels[cell["channel"]] = channels.get(cell["channel"], 0) + cell["number"]
        categories[cell["category"]] = categories.get(cell["category"], 0) + cell["number"]
    total = sum(channels.values())
    return Volumes(total, channels, categories, _parts(pool, span, region, total))


def by_day(pool: Pool, span: Span, region: str) -> dict[date, int]:
    """Contacts of each day that had an event."""
    rows = _cells(pool, span, region, "bucket, sum(d.contacts) AS number", "bucket")
    return {row["bucket"]: row["number"] for row in rows}


def by_hour(pool: Pool, span: Span, region: str) -> dict[int, int]:
    """Contacts of each hour of the local day, over all days of the span."""
    rows = pool.rows(
        """
        SELECT toHour(bucket, 'Asia/Shanghai') AS hour, sum(d.contacts) AS number
        FROM agg_contacts_hourly AS d FINAL
        WHERE toDate(bucket, 'Asia/Shanghai') >= {first:Date} AND toDate(bucket, 'Asia/Shanghai') < {end:Date}
            AND area_level = {level:String} AND region = {region:String}
        GROUP BY hour""",
        **_of(span, region),
    )
    return {row["hour"]: row["number"] for row in rows}


def asked_back(pool: Pool, span: Span, region: str) -> tuple[int, int]:
    """How many were asked back in a span, and how many of them were satisfied: as `v_satisfaction_rate` counts."""
    (row,) = _cells(pool, span, region, "sum(d.asked_back) AS asked, sum(d.satisfied) AS satisfied", "")
    return row["asked"], row["satisfied"]


def asked_back_by_part(pool: Pool, span: Span, region: str) -> dict[str, tuple[int, int]]:
    """The same for each part of the region."""
    rows = pool.rows(
        f"""
        SELECT region AS part, sum(d.asked_back) AS asked, sum(d.satisfied) AS satisfied
        FROM agg_contacts_daily AS d FINAL WHERE {_IN_PARTS} GROUP BY part""",
        **_of(span, region, PARTS[len(region)]),
    )
    return {row["part"]: (row["asked"], row["satisfied"]) for row in rows}


def silent_channels(pool: Pool, span: Span, before: Span) -> dict[str, datetime]:
    """Channels that said something in the span before and nothing in this one, and when they spoke last."""
    rows = pool.rows(
        """
        SELECT channel, max(occurred_at) AS last
        FROM events FINAL
        WHERE toDate(occurred_at, 'Asia/Shanghai') >= {before:Date}
            AND toDate(occurred_at, 'Asia/Shanghai') < {end:Date}
        GROUP BY channel
        HAVING toDate(last, 'Asia/Shanghai') < {first:Date}
        ORDER BY channel""",
        before=before.first,
        first=span.first,
        end=span.end,
    )
    return {row["channel"]: row["last"] for row in rows}


_IN_PARTS = """bucket >= {first:Date} AND bucket < {end:Date}
    AND area_level = {level:String} AND region != '' AND startsWith(region, {region:String})"""


def _parts(pool: Pool, span: Span, region: str, total: int) -> dict[str, int]:
    """By the parts of the region; what is left of the total has no code that goes down so far."""
    rows = pool.rows(
        f"""
        SELECT region AS part, sum(d.contacts) AS number
        FROM agg_contacts_daily AS d FINAL WHERE {_IN_PARTS} GROUP BY part""",
        **_of(span, region, PARTS[len(region)]),
    )
    found = {row["part"]: row["number"] for row in rows}
    rest = total - sum(found.values())
    return found | ({"": rest} if rest else {})


def _cells(pool: Pool, span: Span, region: str, what: str, group: str) -> list[dict[str, Any]]:
    return pool.rows(
        f"""
        SELECT {what}
        FROM agg_contacts_daily AS d FINAL
        WHERE bucket >= {{first:Date}} AND bucket < {{end:Date}}
            AND area_level = {{level:String}} AND region = {{region:String}}
        {f"GROUP BY {group}" if group else ""}""",
        **_of(span, region),
    )


def _of(span: Span, region: str, level: str = "") -> dict[str, Any]:
    return {"first": span.first, "end": span.end, "region": region, "level": level or LEVELS[len(region)]}
