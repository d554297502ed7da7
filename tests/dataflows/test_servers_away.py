"""The production flow while Redis and ClickHouse are away: alerts go on in Kafka, and nothing is missing in the end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from clickhouse_server import ClickHouseServer
from family_reports import family_reports, replayed, settled
from live_flow import LiveFlow, in_topic, logged_events, wait_until
from subscribing import revision_reader

from alerts.model import Revision
from connectors.clickhouse import Pool
from connectors.kafka import RawProducer, raw_topic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[ClickHouseServer]:
    with ClickHouseServer(tmp_path / "clickhouse") as server:
        yield server


def send(bootstrap: str, family: int, reports: int) -> int:
    with RawProducer(bootstrap) as producer:
        for event in family_reports(family, reports):
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))
        producer.flush()
    return reports


def test_redis_and_the_pool_are_away_and_the_flow_is_killed_meanwhile(
    live_flow: LiveFlow, clickhouse: ClickHouseServer
) -> None:
    bootstrap, live_flow.dsn = live_flow.broker.bootstrap, clickhouse.dsn
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    sent = send(bootstrap, 0, 120)
    wait_until(lambda: len(in_topic(bootstrap)) > 5, "alerts must reach Kafka")
    live_flow.valkey.kill()
    clickhouse.hang()
    sent += send(bootstrap, 1, 120)
    wait_until(lambda: logged_events(bootstrap) >= sent, "every event must reach the log")
    told = len(in_topic(bootstrap))
    wait_until(lambda: len(in_topic(bootstrap)) > told + 5, "alerts must go on in Kafka")
    wait_until(lambda: "sink_away sink=redis" in live_flow.said(), "Redis must be told to be away")
    wait_until(lambda: (live_flow.folder / "state" / "spool" / "redis.journal").exists(), "a snapshot must be taken")
    live_flow.stop(signal.SIGKILL)
    clickhouse.wake()
    live_flow.start()
    wait_until(lambda: live_flow.said().count("flow_started") == 2, "the flow must start again")
    sent += send(bootstrap, 2, 120)
    wait_until(lambda: logged_events(bootstrap) >= sent, "every event must reach the log")
    live_flow.valkey.start()
    wanted = replayed(bootstrap)
    wait_until(lambda: {(r.alert_id, r.revision) for r in in_topic(bootstrap)} == set(wanted), "Kafka must have all")
    reader = revision_reader(live_flow.valkey.url)
    said: list[Revision] = []
    wait_until(lambda: settled(reader, bootstrap, said), "Redis must have all")

    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    said += reader.read(count=100_000)
    assert {(r.alert_id, r.revision): r.content_hash for r in said} == wanted
    assert [r.feed_seq for r in said] == sorted(r.feed_seq for r in said)
    assert reader.duplicates == 0
    with Pool(clickhouse.dsn) as pool:
        assert pool.count_events() == sent
        assert pool.recount_check() == []
        rows = pool.rows("SELECT alert_id, revision, content_hash FROM alert_revisions FINAL")
    assert {(row["alert_id"], row["revision"]): row["content_hash"] for row in rows} == wanted


def test_a_pool_that_is_away_from_the_first_start_on_gets_its_tables_and_all_rows_when_it_is_there(
    live_flow: LiveFlow, clickhouse: ClickHouseServer
) -> None:
    bootstrap, live_flow.dsn = live_flow.broker.bootstrap, clickhouse.dsn
    clickhouse.kill()
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    assert "pool_away at the start; rows wait in the spool" in live_flow.said()
    sent = send(bootstrap, 0, 120)
    reader = revision_reader(live_flow.valkey.url)
    wait_until(lambda: logged_events(bootstrap) >= sent, "every event must reach the log")
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    wait_until(lambda: "sink_away sink=pool" in live_flow.said(), "the pool must be told to be away")
    clickhouse.start()
    wait_until(lambda: "sink_back sink=pool" in live_flow.said(), "rows must go to the pool")

    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    with Pool(clickhouse.dsn) as pool:
        assert pool.count_events() == sent
        assert pool.recount_check() == []
        rows = pool.rows("SELECT alert_id, revision, content_hash FROM alert_revisions FINAL")
    assert {(row["alert_id"], row["revision"]): row["content_hash"] for row in rows} == replayed(bootstrap)
