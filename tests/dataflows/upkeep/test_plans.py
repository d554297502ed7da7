"""A restore from a broker that holds nothing would take away what is there: it is refused, also with --overwrite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner

from connectors.embedded import Broker
from connectors.kafka import ensure_topics, topics
from connectors.registry import load_channels
from dataflows.cli import main

pytestmark = pytest.mark.integration


@pytest.fixture
def empty_broker(tmp_path: Path) -> Iterator[str]:
    with Broker(tmp_path / "broker") as running:
        ensure_topics(running.bootstrap, topics(load_channels()))
        yield running.bootstrap


@pytest.mark.parametrize("store", ["redis", "pool", "state"])
def test_nothing_is_taken_away_where_there_is_nothing_to_make_it_from(
    store: str, empty_broker: str, redis_url: str, pool_dsn: str, tmp_path: Path
) -> None:
    redis.Redis.from_url(redis_url).set("alerts:feed_seq", 7)
    (tmp_path / "state" / "snapshots").mkdir(parents=True)
    environment = {
        "ANLAN_KAFKA": empty_broker, "ANLAN_REDIS": redis_url, "ANLAN_CLICKHOUSE": pool_dsn,
        "ANLAN_STATE": str(tmp_path / "state"),
    }  # fmt: skip

    answer = CliRunner().invoke(main, ["restore", store, "--overwrite"], env=environment)

    assert answer.exit_code == 1
    assert "was the broker emptied or replaced?" in answer.output
    assert redis.Redis.from_url(redis_url).get("alerts:feed_seq") == b"7"
    assert (tmp_path / "state" / "snapshots").is_dir()
