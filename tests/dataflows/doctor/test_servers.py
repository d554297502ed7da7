"""The doctor on Kafka, Redis and ClickHouse: each line is provoked on a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import redis
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from examined import line_of, said, verdicts
from revisions import a_revision

from alerts.model import Event, PooledEvent, from_us
from connectors.address import Address
from connectors.clickhouse import Pool
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_rows import columns_of
from connectors.embedded import Broker, Engine, Valkey
from connectors.kafka import ALERTS, ALERTS_NOW, INTAKE_LOG, RawProducer, ensure_topics, raw_topic, topics
from connectors.kafka_look import ClusterLook, TopicLook
from connectors.redis_held import Held
from connectors.redis_look import RedisLook
from connectors.registry import load_channels
from dataflows.doctor import feeds
from dataflows.doctor.broker import look_at_cluster_of
from dataflows.doctor.clocks import clock_line
from dataflows.doctor.room import room_line
from dataflows.settings import Settings

pytestmark = pytest.mark.integration

WANTED = topics(load_channels())


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as running:
        yield running


def test_a_broker_with_all_its_topics_is_well(own_broker: Broker) -> None:
    settings = Settings(kafka=own_broker.bootstrap)
    before = said("kafka", settings)
    ensure_topics(own_broker.bootstrap, WANTED)

    assert verdicts(before) == ["ok", "attention"]
    assert "events.v1" in line_of("topics", before).says
    assert verdicts(said("kafka", settings)) == ["ok", "ok"]


def test_a_topic_that_is_kept_otherwise_is_said(own_broker: Broker) -> None:
    wrong = {
        INTAKE_LOG: {"retention.ms": "604800000"},
        ALERTS: {"max.message.bytes": "1000000"},
        ALERTS_NOW: {"cleanup.policy": "delete"},
        raw_topic("hotline"): {"message.timestamp.type": "CreateTime"},
    }
    admin = AdminClient({"bootstrap.servers": own_broker.bootstrap})
    made = admin.create_topics([NewTopic(name, 1, -1, config=config) for name, config in wrong.items()])
    assert [answer.result(30) for answer in made.values()] == [None] * len(wrong)
    ensure_topics(own_broker.bootstrap, WANTED)

    lines = said("kafka", Settings(kafka=own_broker.bootstrap))

    assert {line.area: line.verdict for line in lines} == {
        "kafka": "ok",
        "topic events.v1": "attention",
        "topic alerts.v1": "broken",
        "topic alerts.now.v1": "broken",
        "topic raw.hotline": "attention",
    }
    assert line_of("topic events.v1", lines).says.startswith("`retention.ms` is 604800000, not -1")
    assert line_of("topic events.v1", lines).remedy.endswith("--topic events.v1 --add-config retention.ms=-1`")
    assert all("anlan migrate" in line.remedy for line in lines[1:] if line.area != "topic events.v1")


def test_the_truth_has_more_than_one_copy_where_there_is_more_than_one_broker() -> None:
    there = {name: TopicLook(1, 1 if name == INTAKE_LOG else 3, {}) for name in WANTED}

    lines = list(look_at_cluster_of(WANTED, ClusterLook(3, there)))

    assert [(line.area, line.verdict) for line in lines] == [("topic events.v1", "attention")]
    assert verdicts(look_at_cluster_of(WANTED, ClusterLook(1, there))) == ["ok"]


def test_servers_that_are_away_are_broken_with_the_remedy() -> None:
    away = Settings(kafka="127.0.0.1:1", redis="redis://127.0.0.1:1/0", clickhouse="http://127.0.0.1:1/default")

    for area, name in (("redis", "redis"), ("clickhouse", "clickhouse")):
        (line,) = said(area, away)
        assert line.verdict == "broken"
        assert f"{name} must answer" in line.says
        assert "start it" in line.remedy


def test_a_redis_that_keeps_what_it_is_given_is_well(own_valkey: Valkey) -> None:
    lines = said("redis", Settings(redis=own_valkey.url))

    assert set(verdicts(lines)) == {"ok"}
    assert line_of("redis", lines).says.startswith("valkey ")


def test_a_redis_that_forgets_is_said(own_valkey: Valkey) -> None:
    client: Any = redis.Redis.from_url(own_valkey.url)
    settings = Settings(redis=own_valkey.url)
    client.config_set("appendonly", "no")
    client.config_set("maxmemory", client.info("memory")["used_memory"] * 20 // 19)
    full = said("redis", settings)
    client.config_set("maxmemory-policy", "allkeys-lru")
    evicting = said("redis", settings)
    client.config_set("maxmemory", 0)
    client.execute_command("REPLICAOF", "127.0.0.1", "1")
    replica = said("redis", settings)
    client.close()

    assert line_of("redis disk", full).verdict == "attention"
    assert "anlan restore redis" in line_of("redis disk", full).remedy
    assert line_of("redis memory", full).verdict == "attention"
    assert line_of("redis memory", evicting).verdict == "broken"
    assert line_of("redis memory", evicting).remedy == "set `maxmemory-policy noeviction`"
    assert [line.says for line in replica if line.verdict == "broken"] == [
        "must be one that can be written to; got a replica"
    ]


def test_a_redis_whose_disk_takes_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    sick = RedisLook("redis 7", time.time_ns() // 1000, True, False, "noeviction", 1, 0, True, Held(1, 0))
    monkeypatch.setattr(feeds, "look_at_redis", lambda url: sick)

    assert line_of("redis disk", said("redis", Settings())).verdict == "broken"


def test_a_feed_that_redis_has_lost_is_broken(
    own_broker: Broker, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "ON_ITS_WAY_SECONDS", 0.0)
    settings = Settings(kafka=own_broker.bootstrap, redis=redis_url)
    ensure_topics(own_broker.bootstrap, {ALERTS: 2})
    nothing = said("feed", settings)
    with RawProducer(own_broker.bootstrap) as producer:
        for place in (1, 2, 3):
            body = msgspec.json.encode(a_revision(f"a{place}", 1, from_us(1), feed_seq=place))
            producer.send(ALERTS, body, partition=place % 2)
    lost = said("feed", settings)
    client = redis.Redis.from_url(redis_url)
    client.set("alerts:feed_seq", 2)
    behind = said("feed", settings)
    client.mset({"alerts:feed_seq": 4, "alerts:lost": 3})
    gone_on = said("feed", settings)
    client.delete("alerts:lost")

    assert verdicts([*nothing, *lost, *behind, *gone_on, *said("feed", settings)]) == ["ok", *["broken"] * 3, "ok"]
    lacking = [line.says.partition("lacks ")[2].split()[0] for line in (*lost, *behind, *gone_on)]
    assert lacking == ["3", "1", "3"]
    assert "anlan restore redis" in lost[0].remedy


def test_a_pool_that_is_up_to_date_is_well(pool_dsn: str) -> None:
    lines = said("clickhouse", Settings(clickhouse=pool_dsn))

    assert {line.verdict for line in lines if "disk" not in line.area} == {"ok"}
    assert line_of("pool", lines).says == "0 events; its tables are up to date"


def test_what_is_kept_for_longer_than_it_may_be_is_said(pool_dsn: str) -> None:
    """Words of half a year ago stay until ClickHouse merges the part that they are in."""
    at = datetime.now(UTC) - timedelta(days=180)
    event = Event("e1", "hotline", "received", at, reporter="k1:bcdfghjkmnprstvzbcdf", text="没水了")
    client = PoolClient.open(pool_dsn)
    client.execute("SYSTEM STOP TTL MERGES")
    client.insert("events", *columns_of([PooledEvent(event, "m", at)]))
    kept = [line for line in said("clickhouse", Settings(clickhouse=pool_dsn)) if line.area == "retention"]
    client.execute("SYSTEM START TTL MERGES")
    client.execute("OPTIMIZE TABLE events FINAL")
    client.close()

    assert [line.says for line in kept] == ["`events.text` may stay for 90 days; 1 row stayed 7 days longer"]
    assert "OPTIMIZE TABLE events FINAL" in kept[0].remedy
    assert line_of("retention", said("clickhouse", Settings(clickhouse=pool_dsn))).verdict == "ok"
    with Pool(pool_dsn) as pool:
        (row,) = pool.rows("SELECT text, reporter FROM events")
    assert row == {"text": "", "reporter": "k1:bcdfghjkmnprstvzbcdf"}


def test_a_pool_of_another_release_is_said(pool_dsn: str) -> None:
    names, later = ("number", "name", "sha256"), ([1, 99], ["001_events.sql", "099_later.sql"], ["x", "x"])
    client = PoolClient.open(pool_dsn)
    client.insert("schema_migrations", names, later)
    client.close()

    found = [line for line in said("clickhouse", Settings(clickhouse=pool_dsn)) if line.area == "pool"]

    assert verdicts(found) == ["broken", "broken"]
    assert "got others for 001_events.sql" in found[0].says
    assert "got 099_later.sql" in found[1].says


def test_a_pool_that_is_to_be_brought_up_to_date_or_made_is_said(tmp_path: Path) -> None:
    empty = said("clickhouse", Settings(clickhouse=Engine(tmp_path / "empty").dsn))
    none = said("clickhouse", Settings(clickhouse=f"chdb://{tmp_path / 'none'}"))

    assert line_of("pool", empty).verdict == "attention"
    assert "001_events.sql" in line_of("pool", empty).says
    assert line_of("pool", empty).remedy == "run `anlan migrate`"
    assert verdicts(none) == ["attention"]
    assert not (tmp_path / "none").exists()
    with Pool(Engine(tmp_path / "empty").dsn) as pool:
        assert not pool.has_tables()


@pytest.mark.parametrize(("seconds", "verdict"), [(0, "ok"), (5, "attention"), (-5, "attention"), (120, "broken")])
def test_a_clock_that_differs_is_said(seconds: int, verdict: str) -> None:
    line = clock_line("redis", (time.time_ns() // 1000) + seconds * 1_000_000)

    assert (line.area, line.verdict) == ("redis clock", verdict)
    assert ("ahead" in line.says, "behind" in line.says) == (seconds > 0, seconds < 0)


@pytest.mark.parametrize(("free", "verdict"), [(50, "ok"), (10, "attention"), (1, "broken")])
def test_a_disk_that_fills_is_said(free: int, verdict: str) -> None:
    line = room_line("state disk", free * 10**9, 100 * 10**9)

    assert line.verdict == verdict
    assert line.says == f"{free}.0 of 100.0 GB are free"


def test_names_are_said_as_the_broker_has_them_and_logs_of_others_are_looked_for(bootstrap: str) -> None:
    name = f"t{uuid4().hex[:8]}"
    below = Address(bootstrap, prefix=f"{name}.")
    settings = Settings(kafka=bootstrap, installation="gansu", upstream=(name,), clickhouse="http://pool/gansu")

    lines = {line.area: line for line in said("kafka", settings)}
    assert "gansu.raw.police" in lines["topics"].says
    assert (lines["upstream"].verdict, lines["upstream"].says) == (
        "broken",
        f"not there, or not shown to us: {name}.events.v1",
    )

    ensure_topics(below, {INTAKE_LOG: 1})
    (line,) = (line for line in said("kafka", settings) if line.area == "upstream")
    assert (line.verdict, line.says) == ("ok", "1 log of other installations can be seen")
