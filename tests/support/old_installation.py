"""What an installation had kept when it was stopped: recorded once for each release, and put back for later ones.

`python tests/support/old_installation.py FOLDER` records the release that is checked out.
"""

from __future__ import annotations

import gzip
import shutil
import signal
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

import msgspec
from acting import act, action
from family_reports import family_reports, settled
from live_flow import LiveFlow, logged_events, send, wait_until
from subscribing import revision_reader

from connectors.clickhouse import Pool
from connectors.kafka import INTAKE_LOG, RawProducer, ensure_topics, log_bounds, read_all, topics
from connectors.kafka_intake import last_arrivals
from connectors.registry import load_channels
from dataflows.cli.keys import make_keys
from dataflows.start import VERSIONS

RECORDED = Path(__file__).parents[1] / "dataflows" / "upkeep" / "kept"
STATE, TOPICS, RELEASE = "state.tar.xz", "topics.msgpack.gz", "release.json"
KEPT = ("snapshots", "kept", "spool")  # without the engine epoch, which the topic knows
REPORTS = 60


class Record(msgspec.Struct, array_like=True):
    """A record of a topic as it stood there."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]
    produced_us: int


class Release(msgspec.Struct):
    """What was recorded, and when on the clock of its log."""

    release: str
    state_versions: dict[str, int]
    clock_us: int
    partitions: dict[str, int]


def record(to: Path) -> None:
    """Run an installation for a while, stop it, and write down its state and its topics."""
    with tempfile.TemporaryDirectory() as folder:
        make_keys(Path(folder) / "keys")
        flow = LiveFlow(Path(folder))
        with Pool(flow.dsn) as pool:
            pool.migrate()
        with flow.broker, flow.valkey:
            _run(flow)
            _write(flow, to)


def _run(flow: LiveFlow) -> None:
    bootstrap = flow.broker.bootstrap
    reader = revision_reader(flow.valkey.url)
    flow.start()
    wait_until(lambda: "flow_started" in flow.said(), "the flow must start")
    send(bootstrap, family_reports(1, REPORTS))
    wait_until(lambda: logged_events(bootstrap) >= REPORTS, "every event must reach the log")
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    act(flow, action("a1", "ack", next(iter(reader.alerts()))))
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]


def _write(flow: LiveFlow, to: Path) -> None:
    bootstrap = flow.broker.bootstrap
    to.mkdir(parents=True)
    with tarfile.open(to / STATE, "w:xz") as archive:
        for name in KEPT:
            if (flow.folder / "state" / name).exists():
                archive.add(flow.folder / "state" / name, name)
    made = ensure_topics(bootstrap, topics(load_channels()))
    found = [
        Record(each.topic, each.partition, each.key, each.value, each.headers, each.produced_us)
        for topic in made
        for each in read_all(bootstrap, {(topic, partition): -1 for partition in log_bounds(bootstrap, topic)})
    ]
    (to / TOPICS).write_bytes(gzip.compress(msgspec.msgpack.encode(found)))
    clock_us = max(last_arrivals(bootstrap, INTAKE_LOG, made[INTAKE_LOG]).values())
    (to / RELEASE).write_bytes(msgspec.json.encode(Release(version("anlan"), VERSIONS, clock_us, made)))


def newest_recorded() -> Path:
    """What the release kept that was recorded last."""
    return max(RECORDED.glob("*"), key=lambda path: _release(path).clock_us)


def _release(recorded: Path) -> Release:
    return msgspec.json.decode((recorded / RELEASE).read_bytes(), type=Release)


def put_back(recorded: Path, flow: LiveFlow) -> Release:
    """Give a fresh installation the state and the topics of a recorded one."""
    release = _release(recorded)
    with tarfile.open(recorded / STATE) as archive:
        archive.extractall(flow.folder / "state", filter="data")
    ensure_topics(flow.broker.bootstrap, release.partitions)
    records = msgspec.msgpack.decode(gzip.decompress((recorded / TOPICS).read_bytes()), type=list[Record])
    with RawProducer(flow.broker.bootstrap, largest_bytes=4_000_000) as producer:
        for each in records:
            producer.send(
                each.topic, each.value, each.headers, each.produced_us // 1000, key=each.key, partition=each.partition
            )
    return release


if __name__ == "__main__":
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    record(Path(sys.argv[1]))
