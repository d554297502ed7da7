"""Redis, or Valkey, was lost: the feeds come from the alerts topic, what people did from the audit in the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from alerts.model import Acted
from connectors.clickhouse import SPOOL as POOL_SPOOL
from connectors.clickhouse import Pool
from connectors.clickhouse_audit import audit_rows
from connectors.clickhouse_spool import decode_rows
from connectors.kafka import ALERTS, count_records, read_topic
from connectors.redis_restore import Feeds, Needed
from connectors.spool_file import bodies
from dataflows.recovery import SPOOLS
from dataflows.servers import kafka_of, pool_of, redis_of
from dataflows.settings import Settings
from dataflows.upkeep.plan import Plan

Seen = Callable[[int], None]  # rows since the last call


class RedisRestored(NamedTuple):
    """What was written."""

    revisions: int
    actions: int
    removed: int  # keys that were there before


def plan_of_redis(settings: Settings, overwrite: bool) -> Plan:
    """What would be written again, and whether something is in the way. Changes nothing."""
    with Feeds(redis_of(settings)) as feeds:
        there, place = sum(1 for _ in feeds.names()), feeds.place()
    actions = sum(1 for _ in _actions(settings))
    told = count_records(kafka_of(settings), ALERTS)
    does = [
        f"read {told:,} revisions of `{ALERTS}` and write what readers still need",
        f"write what people did: {actions:,} rows of the audit, as far as Redis would still keep them",
    ]
    if there and overwrite:
        does.insert(0, f"remove {there:,} keys")
    lacks = [
        "the places of consumer groups: each begins where it is told to; `connectors/subscriber.py` goes on by itself",
        "users of Redis and what they may read, where they were lost, too: `anlan access` prints what makes them",
    ]
    refusals = []
    if there and not told:
        refusals.append(
            f"`{ALERTS}` must hold what is to be written again; got no revision; was the broker emptied or replaced?"
        )
    if there and not overwrite:
        refusals.append(
            f"redis must be empty before it is written again; got {there:,} keys, the feed up to place {place};"
            " with --overwrite they are removed first"
        )
    return Plan(does, lacks, refusals)


def restore_redis(settings: Settings, overwrite: bool, seen: Seen = lambda count: None) -> RedisRestored:
    """Write it. The flow must stand still meanwhile; when it starts it goes on behind what is written."""
    with Feeds(redis_of(settings)) as feeds:
        removed = feeds.empty() if overwrite else 0
        needed = Needed(feeds.now_us())
        for record in read_topic(kafka_of(settings), ALERTS):
            needed.take(record.value)
            seen(1)
        actions = feeds.write_people(_actions(settings))
        return RedisRestored(sum(feeds.write_revisions(needed)), actions, removed)


def _actions(settings: Settings) -> Iterator[Acted]:
    """What people did: as the pool has it, and behind that what still waits for the pool on the disk."""
    last = 0
    with Pool(pool_of(settings)) as pool:
        if pool.has_tables():
            for row in audit_rows(pool):
                last = row.seq
                yield row
    waiting = bodies(Path(settings.state) / SPOOLS / POOL_SPOOL)
    rows = (row for body in waiting for row in decode_rows(body) if isinstance(row, Acted))
    yield from {row.seq: row for row in sorted(rows, key=lambda row: row.seq) if row.seq > last}.values()
