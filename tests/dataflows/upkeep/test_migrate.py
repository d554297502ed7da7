"""`anlan migrate`: what is to change is said before it is done, and the second time there is nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connectors.clickhouse import Pool
from connectors.clickhouse_client import PoolClient
from connectors.embedded import Broker, Engine
from connectors.kafka import ALERTS, ALERTS_NOW, INTAKE_LOG, topics
from connectors.kafka_look import look_at_cluster
from connectors.registry import load_channels
from dataflows.cli import main

pytestmark = pytest.mark.integration

OLD = {  # an installation that was made otherwise
    INTAKE_LOG: {"retention.ms": "604800000", "max.message.bytes": "9000000"},
    ALERTS: {"max.message.bytes": "1000000"},
    ALERTS_NOW: {"cleanup.policy": "delete"},
}


@pytest.fixture
def old(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Some topics that are kept otherwise, a pool without tables and a state that cannot be read."""
    with Broker(tmp_path / "broker") as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        made = admin.create_topics([NewTopic(name, 1, -1, config=config) for name, config in OLD.items()])
        assert [answer.result(30) for answer in made.values()] == [None] * len(OLD)
        (tmp_path / "state" / "snapshots").mkdir(parents=True)
        (tmp_path / "state" / "snapshots" / "part-0.sqlite3").write_bytes(b"nonsense" * 100)
        yield {
            "ANLAN_KAFKA": broker.bootstrap,
            "ANLAN_CLICKHOUSE": Engine(tmp_path / "pool").dsn,
            "ANLAN_STATE": str(tmp_path / "state"),
        }


def run(environment: dict[str, str], *words: str) -> Result:
    answer = CliRunner().invoke(main, ["migrate", *words], env=environment)
    assert answer.exit_code == 0, answer.output
    return answer


def test_everything_is_said_then_done_and_done_once(old: dict[str, str], tmp_path: Path) -> None:
    dry = run(old, "--dry-run").output
    with Pool(old["ANLAN_CLICKHOUSE"]) as pool:
        assert not pool.has_tables()
    first = run(old).output
    again = run(old).output
    (tmp_path / "state" / "snapshots" / "part-0.sqlite3").unlink()
    without_state = run(old).output

    wanted = topics(load_channels())
    there = look_at_cluster(old["ANLAN_KAFKA"], wanted).topics
    assert there.keys() == wanted.keys()
    assert there[INTAKE_LOG].settings == OLD[INTAKE_LOG], "more room is no fault, and its age is somebody's choice"
    assert there[ALERTS].settings["max.message.bytes"] == "4100000"
    assert there[ALERTS_NOW].settings["cleanup.policy"] == "compact,delete"
    with Pool(old["ANLAN_CLICKHOUSE"]) as pool:
        assert pool.schema().pending == []
    said = [line.removeprefix("would: ") for line in dry.splitlines()[:-1]]
    assert said == first.splitlines()[:-1]
    assert again.splitlines() == [said[-1], "up to date"]
    assert without_state == "up to date\n"
    assert f"kafka: set `max.message.bytes` from 1000000 to 4100000 ({ALERTS})" in said
    assert "clickhouse: run 001_events.sql" in said
    assert said[-1].startswith("state: the next start sets it aside")


def test_a_pool_of_a_later_release_is_refused(old: dict[str, str]) -> None:
    run(old)
    client = PoolClient.open(old["ANLAN_CLICKHOUSE"])
    client.insert("schema_migrations", ("number", "name", "sha256"), ([99], ["099_later.sql"], ["x"]))
    client.close()

    answer = CliRunner().invoke(main, ["migrate"], env=old)

    assert answer.exit_code == 1
    assert "got schema files that differ: 099_later.sql" in answer.output
