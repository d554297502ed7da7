"""What the stores of an installation hold, in plain values that two moments can be compared by."""

from __future__ import annotations

import json
from typing import Any, cast

import redis

from connectors.clickhouse import Pool

# what tells when a row was written, and by which life of the flow, but not what it says
_NOT_SAID = {"version", "engine_epoch", "applied_at", "record"}
TABLES = (
    "events", "matter_links", "late_events", "dead_letters", "dead_letter_marks", "alert_revisions", "alert_actions",
    "deliveries", "rule_gaps", "agg_contacts_5m", "agg_contacts_hourly", "agg_contacts_daily",
)  # fmt: skip


def pool_holds(dsn: str) -> dict[str, list[str]]:
    """The rows of every table, in an order of their own."""
    with Pool(dsn) as pool:
        return {table: sorted(_row(row) for row in pool.rows(f"SELECT * FROM {table} FINAL")) for table in TABLES}


def pooled(dsn: str) -> int:
    """How many events the pool has."""
    with Pool(dsn) as pool:
        return int(next(iter(pool.rows("SELECT count() AS found FROM events FINAL")))["found"])


def is_recounted(dsn: str) -> bool:
    """Whether the aggregates are what the events say, which a flow that stops does not wait for without end."""
    with Pool(dsn) as pool:
        return not pool.recount_check()


def _row(row: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if name not in _NOT_SAID}, default=str)


def redis_holds(url: str) -> dict[str, Any]:
    """Every key and what is in it; of a stream the entries without their ids."""
    client = cast(Any, redis.Redis.from_url(url, decode_responses=True))
    with client:
        return {name: _value(client, name) for name in sorted(client.scan_iter())}


def _value(client: Any, name: str) -> Any:
    match client.type(name):
        case "stream":
            return [fields for _, fields in client.xrange(name)]
        case "hash":
            return {field: text for field, text in client.hgetall(name).items() if field != "stream_id"}
        case "zset":
            return client.zrange(name, 0, -1, withscores=True)
        case _:
            return client.get(name)


def expires(url: str) -> dict[str, bool]:
    """Of every key whether it goes by itself."""
    client = cast(Any, redis.Redis.from_url(url, decode_responses=True))
    with client:
        return {name: client.ttl(name) >= 0 for name in client.scan_iter()}
