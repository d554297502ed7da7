"""The production flow as a process: killed without warning, stopped in order, and always the same answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest

from alerts.model import Event, Revision, Slice
from alerts.pipeline import Pipeline
from connectors.clickhouse import Pool
from connectors.embedded import Broker, Valkey
from connectors.kafka import ALERTS, INTAKE_LOG, RawProducer, ends, partitions_of, raw_topic, read_all
from connectors.log_order import LogOrder
from connectors.log_record import decode
from connectors.redis import AlertReader
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.cli_keys import make_keys

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PATIENCE_SECONDS = 60.0


class Installation:
    """One installation on embedded servers of its own; its flow is a process that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Broker(folder / "broker")
        self.valkey = Valkey(folder / "valkey")
        self.dsn = f"chdb://{folder / 'pool'}"
        self.flow: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        keyring, private, _ = (self.folder / "keys" / name for name in ("keyring", "seal.private", "seal.public"))
        environment = {
            **os.environ,
            "ANLAN_KAFKA": self.broker.bootstrap,
            "ANLAN_REDIS": self.valkey.url,
            "ANLAN_CLICKHOUSE": self.dsn,
            "ANLAN_KEYRING": str(keyring),
            "ANLAN_SEAL_KEY": str(private),
            "ANLAN_STATE": str(self.folder / "state"),
            "ANLAN_LOG_PARTITIONS": "3",
            "ANLAN_SNAPSHOT_SECONDS": "1",
            "ANLAN_METRICS_PORT": "0",
        }
        log = (self.folder / "flow.log").open("ab")
        command = [sys.executable, "-m", "dataflows", "-v", "run"]
        self.flow = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def stop(self, number: int) -> int:
        assert self.flow is not None
        self.flow.send_signal(number)
        return self.flow.wait(PATIENCE_SECONDS)

    def said(self) -> str:
        return (self.folder / "flow.log").read_text(encoding="utf-8")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    make_keys(tmp_path / "keys")
    found = Installation(tmp_path)
    with found.broker, found.valkey:
        yield found
        if found.flow is not None and found.flow.poll() is None:
            found.flow.kill()
            found.flow.wait()


def family_reports(seed: int, count: int) -> list[Event]:
    """Reports of the last three weeks about a few families, in two counties."""
    rng = Random(seed)
    now = datetime.now(UTC)
    return [
        Event(
            id=f"e{seed}-{number}",
            channel=rng.choice(["grid", "hotline", "police"]),
            action="received",
            occurred_at=now - timedelta(minutes=rng.randrange(90)),
            reporter=f"k1:{'abcdefgh'[rng.randrange(8)] * 20}",
            pair=f"k1:{'klmnop'[rng.randrange(6)] * 20}",
            category="dispute",
            subcategory="family",
            region=rng.choice(["620102001", "620722100"]),
            violence=rng.randrange(4),
        )
        for number in range(count)
    ]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"{what} within {PATIENCE_SECONDS:g} s"
        time.sleep(0.05)


def logged_events(bootstrap: str) -> int:
    return sum(1 for _, arrival in read_log(bootstrap) if arrival is not None)


def read_log(bootstrap: str) -> list[tuple[int, object]]:
    count = partitions_of(bootstrap, [INTAKE_LOG])[INTAKE_LOG]
    order = LogOrder(range(count), None)
    for record in read_all(bootstrap, {(INTAKE_LOG, partition): 0 for partition in range(count)}):
        stamp, arrival = decode(record.value, record.headers, record.source)
        order.take(record.partition, record.offset, stamp, arrival)
    cut = order.release_all()
    return [(a.arrived_us, a) for a in cut.arrivals] + [(cut.clock_us, None)] if cut else []


def replayed(bootstrap: str) -> dict[tuple[str, int], str]:
    """The hashes that the plain stages give for the intake log as it stands."""
    channels = load_channels()
    pipeline = Pipeline(load_rules([RULES_FOLDER], channels), channels)
    *records, (end, _) = read_log(bootstrap)
    drafts = []
    for at, arrival in records:
        drafts += pipeline.take(Slice(at, [arrival]))[1]  # type: ignore[list-item]
    drafts += pipeline.take(Slice(end, []))[1]
    return {(d.revision.alert_id, d.revision.revision): d.revision.content_hash for d in drafts}


def in_topic(bootstrap: str) -> list[Revision]:
    decode_revision = msgspec.json.Decoder(Revision).decode
    return [decode_revision(record.value) for record in read_all(bootstrap, {(ALERTS, 0): 0})]


def test_killed_three_times_it_says_what_a_replay_of_its_log_says(installation: Installation) -> None:
    bootstrap = installation.broker.bootstrap
    rng = Random(5)
    installation.start()
    wait_until(lambda: "flow_started" in installation.said(), "the flow must start")
    sent = 0
    with RawProducer(bootstrap) as producer:
        for life in range(4):
            for event in family_reports(life, 120):
                producer.send(raw_topic(event.channel), msgspec.json.encode(event))
                sent += 1
            producer.flush()
            if life < 3:
                target = sent - rng.randrange(100)
                wait_until(lambda n=target: logged_events(bootstrap) >= n, "events must reach the log")
                installation.stop(signal.SIGKILL)
                installation.start()
    reader = AlertReader(installation.valkey.url)
    wait_until(lambda: logged_events(bootstrap) >= sent, "every event must reach the log")
    wait_until(lambda: bool(reader.read()) or settled(reader, bootstrap), "every alert must reach Redis")
    wait_until(lambda: bool(reader.read()) or settled(reader, bootstrap), "every alert must reach Redis")

    assert installation.stop(signal.SIGTERM) == 0, installation.said()[-2000:]
    reader.read()
    wanted = replayed(bootstrap)
    entries = list(reader.alerts.values())
    topic = {(r.alert_id, r.revision): r.content_hash for r in in_topic(bootstrap)}
    assert len(wanted) > 20
    assert topic == {place: wanted[place] for place in topic}
    assert {(r.alert_id, r.revision): r.content_hash for r in entries}.items() <= wanted.items()
    assert set(topic) == set(wanted)
    assert len(in_topic(bootstrap)) == len(topic)
    assert reader.duplicates == 0
    with Pool(installation.dsn) as pool:
        assert pool.count_events() == sent
        assert pool.recount_check() == []


def settled(reader: AlertReader, bootstrap: str) -> bool:
    """Does Redis know everything that the log says so far?"""
    last = dict(sorted(replayed(bootstrap)))
    return all(alert in reader.alerts and reader.alerts[alert].revision >= n for alert, n in last.items())


def test_a_second_flow_on_the_same_state_is_refused(installation: Installation) -> None:
    installation.start()
    wait_until(lambda: "flow_started" in installation.said(), "the flow must start")
    first = installation.flow

    installation.start()

    assert installation.flow is not None
    assert installation.flow.wait(PATIENCE_SECONDS) == 1
    assert "`state` must belong to one flow" in installation.said()
    installation.flow = first


def test_without_keys_it_says_which_setting_is_missing(tmp_path: Path) -> None:
    environment = {**os.environ, "ANLAN_STATE": str(tmp_path / "state"), "ANLAN_KEYRING": "", "ANLAN_SEAL_KEY": ""}

    answer = subprocess.run(
        [sys.executable, "-m", "dataflows", "run"], env=environment, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 1
    assert "`keyring` must be set" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_topics_are_there_after_the_start(installation: Installation) -> None:
    installation.start()
    wait_until(lambda: "flow_started" in installation.said(), "the flow must start")

    bootstrap = installation.broker.bootstrap
    assert ends(bootstrap, [(INTAKE_LOG, partition) for partition in range(3)])
