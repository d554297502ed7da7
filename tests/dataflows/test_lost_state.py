"""The state is lost, damaged or of another release: it is rebuilt from the intake log, and no reader notices."""

from __future__ import annotations

import re
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from zlib import crc32

import msgspec
import pytest
from family_reports import family_reports, replayed, settled
from live_flow import LiveFlow, in_topic, logged_events, wait_until
from subscribing import revision_reader

from alerts import kept
from connectors.clickhouse import Pool
from connectors.kafka import RawProducer, raw_topic

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def lose_everything(state: Path) -> None:
    shutil.rmtree(state)


def damage_a_journal(state: Path) -> None:
    with sqlite3.connect(state / "kept" / "detect.shard-003.journal") as file:
        file.execute("UPDATE frames SET body = zeroblob(length(body))")


def damage_the_engine(state: Path) -> None:
    for path in (state / "snapshots").iterdir():
        path.write_bytes(Random(1).randbytes(50_000))


def put_an_older_version(state: Path) -> None:
    with sqlite3.connect(state / "kept" / "link.log.journal") as file:
        file.execute("UPDATE frames SET body = ?", (kept.encode(1, {}, whole=True),))
        (body,) = file.execute("SELECT body FROM frames").fetchone()
        file.execute("UPDATE frames SET checksum = ?", (crc32(body),))


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "lost": (lose_everything, "rebuild_began from=intake_log"),
    "journal": (damage_a_journal, "snapshot_set_aside.*got another checksum"),
    "engine": (damage_the_engine, "snapshot_set_aside.*file is not a database"),
    "version": (put_an_older_version, "snapshot_set_aside.*state of step `link` must have version"),
}


def test_however_it_is_lost_it_is_rebuilt_and_says_the_same_and_nothing_twice(live_flow: LiveFlow) -> None:
    """Life after life, each on a state that was lost or damaged in another way after the one before."""
    state, bootstrap = live_flow.folder / "state", live_flow.broker.bootstrap
    reader = revision_reader(live_flow.valkey.url)
    sent = 0
    for life, damage in enumerate(["", *DAMAGES]):
        if damage:
            DAMAGES[damage][0](state)
        told_before, aside_before = len(live_flow.said()) if damage else 0, put_aside(state)
        live_flow.start()
        wait_until(lambda n=life: live_flow.said().count("flow_started") == n + 1, "the flow must start")
        sent += send(bootstrap, life)
        wait_until(lambda n=sent: logged_events(bootstrap) >= n, "every event must reach the log")
        wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
        if damage:
            wait_until(lambda n=told_before: "rebuild_done" in live_flow.said()[n:], "it must say that it is rebuilt")
        assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
        said = live_flow.said()[told_before:]
        assert ("rebuild_done" in said) == bool(damage), damage
        assert re.search(DAMAGES[damage][1] if damage else "flow_started", said), damage
        assert put_aside(state) - aside_before == (damage not in ("", "lost")), damage

    reader.read()
    wanted = replayed(bootstrap)
    topic = {(r.alert_id, r.revision): r.content_hash for r in in_topic(bootstrap)}
    assert len(wanted) > 20
    assert topic == wanted
    assert len(in_topic(bootstrap)) == len(topic)
    assert reader.duplicates == 0
    assert {(r.alert_id, r.revision): r.content_hash for r in reader.alerts().values()}.items() <= wanted.items()
    with Pool(live_flow.dsn) as pool:
        assert pool.count_events() == sent
        assert pool.recount_check() == []
        epochs = pool.rows("SELECT DISTINCT engine_epoch AS epoch FROM alert_revisions ORDER BY epoch")
    assert [row["epoch"] for row in epochs][-1] > len(DAMAGES)


def send(bootstrap: str, seed: int, count: int = 60) -> int:
    with RawProducer(bootstrap) as producer:
        for event in family_reports(seed, count):
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))
        producer.flush()
    return count


def put_aside(state: Path) -> int:
    """How many states were set aside so far."""
    return sum(1 for _ in (state / "set-aside").glob("*"))
