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


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_is_rebuilt_and_says_the_same_and_nothing_twice(live_flow: LiveFlow, damage: str) -> None:
    bootstrap = live_flow.broker.bootstrap
    sent = 0
    with RawProducer(bootstrap) as producer:
        for life in range(2):
            live_flow.start()
            wait_until(lambda n=life: live_flow.said().count("flow_started") == n + 1, "the flow must start")
            for event in family_reports(life, 120):
                producer.send(raw_topic(event.channel), msgspec.json.encode(event))
                sent += 1
            producer.flush()
            reader = revision_reader(live_flow.valkey.url)
            wait_until(lambda n=sent: logged_events(bootstrap) >= n, "every event must reach the log")
            wait_until(lambda r=reader: bool(r.read()) or settled(r, bootstrap), "every alert must reach Redis")
            wait_until(lambda r=reader: bool(r.read()) or settled(r, bootstrap), "every alert must reach Redis")
            assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
            if life == 0:
                DAMAGES[damage][0](live_flow.folder / "state")

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
    assert [row["epoch"] for row in epochs][-1] >= 2
    assert re.search(DAMAGES[damage][1], live_flow.said())
    assert "rebuild_done" in live_flow.said()
    assert (live_flow.folder / "state" / "set-aside").exists() == (damage != "lost")
