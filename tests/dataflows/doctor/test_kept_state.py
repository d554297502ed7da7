"""The doctor on the state of the flow, and the command as a whole: exit codes, words and JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from bytewax.recovery import init_db_dir
from click.testing import CliRunner
from examined import line_of, said, verdicts
from installation import Installation
from written_log import write_log

from alerts.model import Arrival, Event, from_us
from connectors.embedded import Broker
from connectors.kafka import RawProducer, ensure_topics, raw_topic, topics
from connectors.registry import load_channels
from connectors.spool_file import SpoolFile
from dataflows.cli import main
from dataflows.doctor.kept_state import look_at_lag
from dataflows.settings import Settings

pytestmark = pytest.mark.integration

MINUTE = 60_000_000
HOTLINE = raw_topic("hotline")


@pytest.fixture(scope="module")
def written_us() -> int:
    """When the last record of the log arrived: just now."""
    return time.time_ns() // 1000


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory, written_us: int) -> Iterator[str]:
    """A log whose last tick came just now, and three raw rows."""
    event = Event("e1", "hotline", "received", from_us(written_us))
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        write_log(broker.bootstrap, [Arrival(event, written_us)])
        ensure_topics(broker.bootstrap, topics(load_channels()))
        with RawProducer(broker.bootstrap) as producer:
            for _ in range(3):
                producer.send(HOTLINE, b"{}")
        yield broker.bootstrap


@pytest.fixture
def settings(kafka: str, tmp_path: Path) -> Settings:
    (tmp_path / "state").mkdir()
    return Settings(kafka=kafka, state=str(tmp_path / "state"))


def at(settings: Settings, clock_us: int) -> Settings:
    """The same installation at another time."""
    return msgspec.structs.replace(settings, clock_start=clock_us, clock_origin=time.time())


def test_a_state_that_is_not_there_or_empty_is_said(settings: Settings, tmp_path: Path) -> None:
    none = said("state", msgspec.structs.replace(settings, state=str(tmp_path / "none")))
    (Path(settings.state) / "snapshots").mkdir()
    init_db_dir(Path(settings.state) / "snapshots", 1)

    assert verdicts(none) == ["attention"]
    assert "is not there yet" in none[0].says
    assert line_of("state", said("state", settings)).says == "holds no snapshot"


def test_a_state_that_is_damaged_is_said_with_what_comes_of_it(settings: Settings) -> None:
    (Path(settings.state) / "snapshots").mkdir()
    (Path(settings.state) / "snapshots" / "part-0.sqlite3").write_bytes(b"nonsense" * 100)

    line = line_of("state", said("state", settings))

    assert line.verdict == "attention"
    assert "file is not a database" in line.says
    assert "rebuilds it from the log" in line.remedy


def test_a_spool_that_fills_is_said(settings: Settings) -> None:
    spool = SpoolFile(Path(settings.state) / "spool" / "redis.journal")
    spool.append(0.0, 1, bytes(600_000))
    spool.close()
    size = sum(path.stat().st_size for path in (Path(settings.state) / "spool").glob("redis.journal*"))

    found = {
        limit: [
            each for each in said("state", msgspec.structs.replace(settings, spool_bytes=limit)) if "spool" in each.area
        ]
        for limit in (3 * size, size * 3 // 2, size // 2)
    }

    assert [verdicts(lines) for lines in found.values()] == [[], ["attention"], ["broken"]]


def test_detection_that_is_behind_is_said(settings: Settings, written_us: int) -> None:
    here, behind = ({"log": (us, {})} for us in (written_us, written_us - 5 * MINUTE))
    now = at(settings, written_us)

    assert verdicts(look_at_lag(now, here)) == ["ok"]
    (line,) = look_at_lag(now, behind)
    assert (line.verdict, line.says) == ("attention", "detection is 5m behind")


def test_a_flow_that_is_not_running_is_said_with_the_rows_that_wait(settings: Settings, written_us: int) -> None:
    no_longer_upstream = {"lanzhou.events.v1/0": 5}
    saved = {"log": (written_us, {}), "raw": {f"{HOTLINE}/0": 1, **no_longer_upstream}}

    lines = list(look_at_lag(at(settings, written_us + 10 * MINUTE), saved))

    assert [line.says for line in lines] == [
        "the last tick is 10m old: no flow is running",
        "2 rows wait for the intake",
    ]
    assert {line.remedy for line in lines} == {"start `anlan run`"}
    assert verdicts(look_at_lag(at(settings, written_us), saved)) == ["ok"]


def test_the_command_says_it_in_words_and_in_json_and_with_its_exit_code(
    kafka: str, redis_url: str, pool_dsn: str, tmp_path: Path
) -> None:
    own = Installation(tmp_path)
    environment = own.environment() | {
        "ANLAN_KAFKA": kafka, "ANLAN_REDIS": redis_url, "ANLAN_CLICKHOUSE": pool_dsn,
        "ANLAN_STATE": str(tmp_path / "s"),
    }  # fmt: skip
    words = CliRunner().invoke(main, ["doctor"], env=environment)
    told = CliRunner().invoke(main, ["doctor", "--json"], env=environment)
    Path(own.settings.keyring).chmod(0o644)
    sick = CliRunner().invoke(main, ["doctor", "--json"], env=environment)

    assert (words.exit_code, told.exit_code, sick.exit_code) == (1, 1, 2)
    assert f"attention  state: is not there yet ({tmp_path / 's'})\n           → `anlan run` makes it" in words.output
    found = json.loads(told.output)
    assert found["verdict"] == "attention"
    assert [line["area"] for line in found["lines"]][:2] == ["keyring", "seal key"]
    assert json.loads(sick.output)["lines"][0]["remedy"].startswith("chmod 600 ")


def test_what_needs_a_server_that_is_away_is_not_asked(tmp_path: Path, redis_url: str, pool_dsn: str) -> None:
    own = Installation(tmp_path)
    environment = own.environment() | {
        "ANLAN_KAFKA": "127.0.0.1:1", "ANLAN_REDIS": redis_url, "ANLAN_CLICKHOUSE": pool_dsn,
    }  # fmt: skip

    answer = CliRunner().invoke(main, ["doctor", "--json"], env=environment)

    lines = {line["area"]: line for line in json.loads(answer.output)["lines"]}
    assert answer.exit_code == 2
    assert lines["kafka"]["verdict"] == "broken"
    assert not {"group", "ports"} & lines.keys(), "this host is not one of several"
    assert lines["feed"]["says"] == lines["state"]["says"] == "was not looked at: kafka must answer first"
