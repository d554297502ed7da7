"""What an installation's stores keep: segments of topics, parts of tables, keys in Redis."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple, cast

import redis

from alerts.model import Arrival, Revision, to_us
from alerts.pipeline import Pipeline, in_slices
from benchmarks.wire.installation import BROKER, Installation
from connectors.calendars import load_calendars
from connectors.clickhouse_client import PoolClient
from connectors.kafka import INTAKE_LOG
from connectors.metrics import Metrics
from connectors.metrics_reader import Samples
from connectors.redis import RedisAlertSink
from connectors.redis_keys import names
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.city.direct import events
from dataflows.cli.city import a_year

FEED_DAYS, FEED_REPORTS = 30, 200.0  # of the city whose alerts fill the feeds
RECORDS = ("hash", "zset")  # how Redis keeps the last revision of an alert, and what is open


class Stores(NamedTuple):
    """What they keep."""

    events: int
    revisions: int
    raw_bytes: int  # raw topics in Kafka
    pool_bytes: dict[str, int]  # by table, compressed
    stream_bytes: int  # in Redis
    record_bytes: int
    series: int  # on the flow's page of metrics


def stores(installation: Installation) -> Stores:
    """Look at all of them, with some revisions of every kind in the feeds; the flow is idle."""
    page = installation.wait_until(lambda page: page.total("rows_buffered_count") == 0, "the pool must have all")
    told = _told()
    taken = _feed_bytes(installation, told)
    return Stores(
        events=int(through(page)),
        revisions=len(told),
        raw_bytes=topic_bytes(installation, "raw."),
        pool_bytes=_pool_bytes(installation),
        stream_bytes=taken["stream"],
        record_bytes=sum(taken[kind] for kind in RECORDS),
        series=page.count(),
    )


def through(page: Samples) -> float:
    """How many events detection has seen."""
    counters = ("events_linked_total", "events_duplicated_total", "heartbeats_read_total")
    return sum(page.total(name) for name in counters)


def log_bytes(installation: Installation) -> int:
    """The intake log on the broker's disk."""
    return topic_bytes(installation, INTAKE_LOG)


def topic_bytes(installation: Installation, prefix: str) -> int:
    """Segments on the disk of all topics that begin so; the indexes beside them are made large and stay empty."""
    found = (installation.folder / BROKER / "data").glob(f"{prefix}*/*.log")
    return sum(path.stat().st_size for path in found)


def _told() -> list[Revision]:
    """What a small city's alerts say within a month."""
    channels = load_channels()
    flow = Pipeline(load_rules([RULES_FOLDER], channels, load_calendars()), channels)
    city = a_year(FEED_DAYS, FEED_REPORTS)
    arrivals = (Arrival(event, to_us(cast(datetime, event.arrived_at)), "city") for event in events(city))
    return [draft.revision for cut in in_slices(arrivals) for draft in flow.take(cut)[1] if not draft.standing]


def _feed_bytes(installation: Installation, told: list[Revision]) -> Counter[str]:
    """By type of key what revisions take in Redis, when they are all that is there."""
    client: Any = redis.Redis.from_url(installation.valkey.url, protocol=2)
    client.flushall()
    writer = RedisAlertSink(installation.valkey.url, Metrics()).build_part("redis", "feed", None)
    writer.write_batch([told])
    writer.spool.flush()
    writer.close()
    found: Counter[str] = Counter()
    for key in client.scan_iter(count=10_000):
        found[client.type(key).decode()] += client.memory_usage(key, samples=0)
    if client.xlen(names().stream()) != len(told):
        raise RuntimeError(f"the feed must hold {len(told)} revisions; got {client.xlen(names().stream())}")
    client.close()
    return found


def _pool_bytes(installation: Installation) -> dict[str, int]:
    client = PoolClient.open(installation.pool.dsn)
    try:
        for row in client.rows("SELECT name FROM system.tables WHERE engine LIKE '%MergeTree'"):
            client.execute(f"OPTIMIZE TABLE {row['name']} FINAL")
        found = client.rows(
            "SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts"
            " WHERE active AND database = 'default' GROUP BY table"
        )
        return {row["table"]: int(row["bytes"]) for row in found}
    finally:
        client.close()
