"""A rule that is new is warmed with everything that is known, also where the pool was away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse_server import ClickHouseServer

from alerts.joined import Joined
from alerts.model import Event, to_us
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_writer import Pace
from connectors.metrics import Metrics
from dataflows.past import Past

pytestmark = pytest.mark.integration

AT = datetime(2026, 4, 16, 8, 0, tzinfo=UTC)


def joined(number: int) -> Joined:
    made = Event(id=f"e{number}", channel="police", action="received", occurred_at=AT + timedelta(minutes=number))
    at = to_us(made.occurred_at)
    return Joined(made, "m", "first", at, at)


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[ClickHouseServer]:
    with ClickHouseServer(tmp_path / "clickhouse") as server:
        with Pool(server.dsn) as pool:
            pool.migrate()
        yield server


def test_what_still_waits_for_the_pool_is_part_of_the_past(clickhouse: ClickHouseServer, tmp_path: Path) -> None:
    sink = PoolSink(clickhouse.dsn, Metrics(), pace=Pace(flush_seconds=0), spool=tmp_path / "spool")
    past, writer = Past(clickhouse.dsn, sink.wait_until_delivered), sink.build_part("pool", "pool", None)
    for number in range(5):
        if number == 1:
            writer.spool.flush()
            clickhouse.kill()
        past.remember([joined(number)])
        writer.write_batch([[joined(number).pooled()]])
        past.snapshot_taken()
        writer.snapshot()
    found = list[str]()

    def ask() -> None:
        found.extend(sorted(each.id for each in past(frozenset({"police"}), to_us(AT), to_us(AT + timedelta(days=1)))))

    asked = threading.Thread(target=ask)
    asked.start()
    asked.join(0.2)
    assert asked.is_alive()
    clickhouse.start()
    asked.join(30)
    writer.close()

    assert found == ["e0", "e1", "e2", "e3", "e4"]


def test_what_an_earlier_life_left_can_be_delivered_before_the_pool_is_read(
    clickhouse: ClickHouseServer, tmp_path: Path
) -> None:
    sink = PoolSink(clickhouse.dsn, Metrics(), pace=Pace(flush_seconds=0), spool=tmp_path / "spool")
    sink.deliver_waiting()
    assert not (tmp_path / "spool").exists()
    clickhouse.kill()
    writer = sink.build_part("pool", "pool", None)
    writer.write_batch([[joined(1).pooled()]])
    writer.snapshot()
    writer.spool.abandon()
    clickhouse.start()

    sink.deliver_waiting()

    with Pool(clickhouse.dsn) as pool:
        assert pool.count_events() == 1
        assert pool.recount_check() == []
