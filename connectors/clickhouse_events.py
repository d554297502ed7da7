"""Events read back from the pool: what a rule that begins is warmed with, and a history in order of arrival."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from alerts.model import Arrival, Event, PooledEvent, to_us
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_rows import events_of

MOST_ROWS = 50_000  # in memory at a time; a city of four million has 6,000 events a day
_FROM, _UNTIL = 0, 1 << 52  # microseconds: from 1970 until long after us

# Versions of an event have one id and one `occurred_at`: they are in one partition, and FINAL may stay inside it.
_INSIDE = "SETTINGS do_not_merge_across_partitions_select_final = 1"
_COLUMNS = """id, channel, action, occurred_at, arrived_at, case, matter, link_type, link_to, reporter, reporter_class,
    pair, household, place, subject, region, grid, category, subcategory, violence, cues, unit, unit_level, satisfied,
    text, lat, lon, attrs, source"""


def events_between(client: PoolClient, channels: Sequence[str], since: int, before: int) -> Iterator[Event]:
    """Events of some channels that happened from `since` on and arrived before `before`, in no order."""
    query = f"""
        SELECT {_COLUMNS} FROM events FINAL
        WHERE channel IN {{channels:Array(String)}}
            AND occurred_at >= fromUnixTimestamp64Micro({{since:Int64}})
            AND arrived_at < fromUnixTimestamp64Micro({{before:Int64}})
        {_INSIDE}"""
    return events_of(client.columns(query, channels=list(channels), since=since, before=before))


def events_of_matters(client: PoolClient, matters: Sequence[str], before: int) -> Iterator[PooledEvent]:
    """The events that belonged to some matters just before a clock instant, in no order.

    What was decided since, also by a flow that has to do it again after a crash, does not count.
    """
    query = f"""
        WITH fromUnixTimestamp64Micro({{before:Int64}}) AS instant, there AS (
            SELECT event_id, argMax(matter, (decided_at, matter)) AS joined FROM matter_links
            WHERE decided_at < instant AND event_id IN
                (SELECT event_id FROM matter_links WHERE matter IN {{matters:Array(String)}} AND decided_at < instant)
            GROUP BY event_id HAVING joined IN {{matters:Array(String)}})
        SELECT {_COLUMNS}, joined FROM events FINAL INNER JOIN there ON there.event_id = id
        WHERE id IN (SELECT event_id FROM there) AND arrived_at < instant
        {_INSIDE}"""
    columns = client.columns(query, matters=list(matters), before=before)
    rows = (columns.get(name, ()) for name in ("joined", "arrived_at", "source"))
    found = zip(events_of({**columns, "matter": columns.get("joined", ())} if columns else {}), *rows, strict=True)
    return (PooledEvent(event, matter, arrived_at, source) for event, matter, arrived_at, source in found)


def first_and_last_arrival(client: PoolClient, since: int | None, until: int | None) -> tuple[int, int] | None:
    """When the first and the last event arrived, of those from `since` on and before `until`."""
    days = _days(client, since, until)
    return (days[0].first, days[-1].last) if days else None


def arrivals_between(
    client: PoolClient, since: int | None, until: int | None, most: int = MOST_ROWS
) -> Iterator[Arrival]:
    """Events in order of arrival and id, each once: a day of arrivals at a time, of a busy day `most` at a time."""
    for day in _days(client, since, until):
        after: tuple[int, str] | None = (day.first, "")
        while after is not None:
            page = _page(client, day, after, most)
            yield from page
            after = (page[-1].arrived_us, page[-1].event.id) if len(page) == most else None


class _Day(NamedTuple):
    """What arrived on one day: the first and the last of it, and from when to when it had happened."""

    first: int
    last: int
    earliest: int
    latest: int


def _days(client: PoolClient, since: int | None, until: int | None) -> list[_Day]:
    query = """
        SELECT toUnixTimestamp64Micro(min(arrived_at)) AS first, toUnixTimestamp64Micro(max(arrived_at)) AS last,
            toUnixTimestamp64Micro(min(occurred_at)) AS earliest, toUnixTimestamp64Micro(max(occurred_at)) AS latest
        FROM events
        WHERE arrived_at >= fromUnixTimestamp64Micro({since:Int64})
            AND arrived_at < fromUnixTimestamp64Micro({until:Int64})
        GROUP BY toDate32(arrived_at)
        ORDER BY first"""
    since, until = _FROM if since is None else since, _UNTIL if until is None else until
    return [_Day(**row) for row in client.rows(query, since=since, until=until)]


def _page(client: PoolClient, day: _Day, after: tuple[int, str], most: int) -> list[Arrival]:
    """The next arrivals of a day. By when they had happened only a small part of the table is read."""
    query = f"""
        SELECT {_COLUMNS} FROM events FINAL
        WHERE occurred_at BETWEEN fromUnixTimestamp64Micro({{earliest:Int64}})
                AND fromUnixTimestamp64Micro({{latest:Int64}})
            AND arrived_at BETWEEN fromUnixTimestamp64Micro({{at:Int64}}) AND fromUnixTimestamp64Micro({{last:Int64}})
            AND (arrived_at, id) > (fromUnixTimestamp64Micro({{at:Int64}}), {{id:String}})
        ORDER BY arrived_at, id
        LIMIT {{most:UInt32}}
        {_INSIDE}"""
    at, event_id = after
    columns = client.columns(query, at=at, id=event_id, most=most, **day._asdict())
    arrived = zip(events_of(columns), columns.get("arrived_at", ()), columns.get("source", ()), strict=True)
    return [Arrival(event, to_us(arrived_at), source) for event, arrived_at, source in arrived]
