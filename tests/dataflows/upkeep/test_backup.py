"""A backup of a flow that runs, what comes after it, and a pool that is wiped: it is made again from both."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from acting import act, action
from click.testing import CliRunner, Result
from clickhouse_server import TOO_MANY_PARTS, ClickHouseServer
from cut_log import cut_off
from family_reports import family_reports, settled
from live_flow import LiveFlow, logged_events, send, wait_until
from old_installation import newest_recorded, put_back
from stores import is_recounted, pool_holds, pooled
from subscribing import revision_reader

from alerts.model import PooledEvent
from connectors.apache_kafka import ApacheKafka
from connectors.clickhouse import Pool
from connectors.clickhouse_client import PoolClient
from connectors.kafka import INTAKE_LOG, RawProducer, partitions_of, raw_topic
from connectors.kafka_intake import last_arrivals
from connectors.names import NAMES
from dataflows.cli import main
from dataflows.recovery import SNAPSHOTS, UnusableError, snapshots_of, source_states
from dataflows.upkeep.manifest import read_manifest
from dataflows.upkeep.state_copy import read_state

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture
def on_server(live_flow: LiveFlow, clickhouse_server: ClickHouseServer) -> LiveFlow:
    """An installation whose pool is a server's: others may ask it while the flow runs."""
    live_flow.dsn = clickhouse_server.dsn
    return live_flow


def test_a_pool_comes_back_from_a_backup_and_what_the_log_says_since(
    on_server: LiveFlow, clickhouse_server: ClickHouseServer, tmp_path: Path
) -> None:
    """Of what the backup holds some still waited for the pool."""
    flow, bootstrap, folder = on_server, on_server.broker.bootstrap, tmp_path / "backup"
    reader = revision_reader(flow.valkey.url)
    flow.start()
    wait_until(lambda: "flow_started" in flow.said(), "the flow must start")
    send_reports(bootstrap, 1, 80, "broken")
    wait_until(lambda: logged_events(bootstrap) >= 80, "every event must reach the log")
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    act(flow, action("a1", "ack", next(iter(reader.alerts())), why="on my way"))
    with Pool(flow.dsn) as pool:
        wait_until(lambda: bool(pool.dead_letters()), "the dead letter must reach the pool")
        pool.mark_dead_letters([pool.dead_letters()[0].id], "given_up", "nobody knows", datetime.now(UTC))
    clickhouse_server.refuse(TOO_MANY_PARTS)
    send_reports(bootstrap, 3, 40)
    wait_until(lambda: logged_events(bootstrap) >= 120, "every event must reach the log")
    partitions = partitions_of(bootstrap, [INTAKE_LOG])[INTAKE_LOG]
    arrived_us = max(last_arrivals(bootstrap, INTAKE_LOG, partitions).values())
    wait_until(lambda: saved_beyond(flow, arrived_us), "they must be in a snapshot")
    made = run(flow, "backup", "make", str(folder))
    assert made.exit_code == 0, made.output
    assert (folder / "state" / NAMES).is_file(), "names of older keys are made of nothing else"
    clickhouse_server.accept()
    lines = json.loads(run(flow, "doctor", "--json").output)["lines"]
    assert {each["area"] for each in lines} > {"kafka", "topics", "redis", "pool", "feed", "state", "log"}
    of_this_machine = ("calendars", "state disk", "clickhouse disk default", "service")
    assert [each for each in lines if each["verdict"] != "ok" and each["area"] not in of_this_machine] == []

    send_reports(bootstrap, 2, 80, "broken, too")
    wait_until(lambda: logged_events(bootstrap) >= 200, "every event must reach the log")
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    wait_until(lambda: pooled(flow.dsn) >= 200, "every event must reach the pool")
    wait_until(lambda: is_recounted(flow.dsn), "every aggregate must be counted")
    act(flow, action("a2", "note", next(iter(reader.alerts())), why="spoke to both"))
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]
    wanted = pool_holds(flow.dsn)
    assert run(flow, "backup", "verify", str(folder)).exit_code == 0
    full = run(flow, "restore", "pool", "--from", str(folder))
    assert full.exit_code == 1
    assert "the pool must be empty before it is made again; got 200 events" in full.output
    wipe(flow.dsn)
    dry = run(flow, "restore", "pool", "--dry-run", "--from", str(folder))
    wet = run(flow, "restore", "pool", "--from", str(folder))

    assert dry.exit_code == wet.exit_code == 0, dry.output + wet.output
    assert "does not come back: what people decided about dead letters after" in dry.output
    held, manifest = pool_holds(flow.dsn), read_manifest(folder)
    assert [table for table, rows in wanted.items() if held[table] != rows] == []
    assert len(held["dead_letter_marks"]) == 1
    assert len(held["alert_actions"]) == 2
    read_again = int(re.search(r"^events +(\d+) rows", wet.output, re.M)[1])  # type: ignore[index]
    assert 80 <= read_again < 200
    assert manifest.rows()["events"] >= 80
    assert manifest.key_ids == ["k1"]
    kept = read_state(folder / "state")
    assert len(kept.shards) == 8
    assert sum(isinstance(row, PooledEvent) for row in kept.waiting) >= 40


def test_what_the_broker_has_cut_off_comes_from_the_backup(
    on_server: LiveFlow, apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    """Without one it is refused, and with --overwrite there is what there is."""
    flow, bootstrap, folder = on_server, apache_kafka.bootstrap, tmp_path / "backup"
    flow.broker = apache_kafka  # type: ignore[assignment]
    reader = revision_reader(flow.valkey.url)
    flow.start()
    wait_until(lambda: "flow_started" in flow.said(), "the flow must start")
    for seed in (1, 2):
        send_reports(bootstrap, seed, 60)
        wait_until(lambda n=60 * seed: logged_events(bootstrap) >= n, "every event must reach the log")
        wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
        if seed == 1:
            act(flow, action("a1", "ack", next(iter(reader.alerts())), why="on my way"))
            assert run(flow, "backup", "make", str(folder)).exit_code == 0
    wait_until(lambda: pooled(flow.dsn) >= 120, "every event must reach the pool")
    wait_until(lambda: is_recounted(flow.dsn), "every aggregate must be counted")
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]
    wanted = pool_holds(flow.dsn)
    cut_off(bootstrap, read_manifest(folder).offsets)
    wipe(flow.dsn)
    refused = run(flow, "restore", "pool")
    done = run(flow, "restore", "pool", "--from", str(folder))
    held = pool_holds(flow.dsn)
    wipe(flow.dsn)
    partly = run(flow, "restore", "pool", "--overwrite")

    assert refused.exit_code == 1
    assert "the intake log must reach back to its beginning, or a backup to where it begins" in refused.output
    assert done.exit_code == 0, done.output
    assert [table for table, rows in wanted.items() if held[table] != rows] == []
    assert partly.exit_code == 0, partly.output
    assert "does not come back: events, links, late events and aggregates from before" in partly.output
    rest = pool_holds(flow.dsn)
    assert rest["alert_revisions"] == wanted["alert_revisions"], "the alerts topic has them all"
    assert 0 < len(rest["events"]) <= 60
    assert rest["alert_actions"] == []
    cut_off(bootstrap)
    too_late = run(flow, "restore", "pool", "--overwrite", "--from", str(folder))
    assert too_late.exit_code == 1
    assert "the intake log must hold what came after the backup" in too_late.output


def test_what_is_no_whole_backup_is_refused(live_flow: LiveFlow, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    put_back(newest_recorded(), live_flow)
    (live_flow.folder / "state").rename(tmp_path / "elsewhere")
    none = run(live_flow, "backup", "make", str(folder))
    left = folder.exists()
    (tmp_path / "elsewhere").rename(live_flow.folder / "state")
    made = run(live_flow, "backup", "make", str(folder))
    again = run(live_flow, "backup", "make", str(folder))
    with_keys = run(live_flow, "backup", "make", str(tmp_path / "keys-too"), "--with", "keyring")
    (folder / "pool" / "extra").write_text("x")
    changed = folder / "state" / "kept" / "link.log.journal"
    changed.write_bytes(b"y" + changed.read_bytes()[1:])
    shutil.rmtree(folder / "state" / "snapshots")
    found = run(live_flow, "backup", "verify", str(folder))
    refused = run(live_flow, "restore", "pool", "--overwrite", "--from", str(folder))

    assert (none.exit_code, left, made.exit_code) == (1, False, 0), made.output
    assert "a backup must be of a state that a flow could go on from" in none.output
    assert again.exit_code == 1
    assert "a backup must go into a new or an empty folder" in again.output
    assert not (folder / "secrets").exists()
    assert with_keys.exit_code == 0
    assert "not in it: the seal-key" in with_keys.output
    assert "not in it: the keyring" not in with_keys.output
    secret = tmp_path / "keys-too" / "secrets" / "keyring"
    assert (secret.read_bytes(), secret.stat().st_mode & 0o777) == ((tmp_path / "keys" / "keyring").read_bytes(), 0o600)
    assert [path.name for path in secret.parent.iterdir()] == ["keyring"]
    assert found.exit_code == 1
    for said in ("must be there; got none", f"got another content ({changed})", "got one that is not"):
        assert said in found.output
    assert refused.exit_code == 1
    (folder / "manifest.json").unlink()
    assert "it was not finished" in run(live_flow, "backup", "verify", str(folder)).output


def test_a_damaged_spool_spoils_a_backup_only_where_something_waited_in_it(live_flow: LiveFlow, tmp_path: Path) -> None:
    put_back(newest_recorded(), live_flow)
    spools = live_flow.folder / "state" / "spool"
    spools.mkdir(exist_ok=True)
    for needless in ("redis", "redis-people"):
        (spools / f"{needless}.journal").write_bytes(b"something else, and long enough to be read as a header" * 50)
    made = run(live_flow, "backup", "make", str(tmp_path / "backup"))
    (spools / "pool.journal").write_bytes(b"something else, and long enough to be read as a header" * 50)
    refused = run(live_flow, "backup", "make", str(tmp_path / "another"))

    assert made.exit_code == 0, made.output
    assert read_state(tmp_path / "backup" / "state").link
    assert refused.exit_code == 1
    assert "journal must be there to open; got `file is not a database`" in refused.output


def send_reports(bootstrap: str, seed: int, count: int, *broken: str) -> None:
    send(bootstrap, family_reports(seed, count))
    with RawProducer(bootstrap) as producer:
        for text in broken:
            producer.send(raw_topic("hotline"), msgspec.json.encode({"id": text}))


def saved_beyond(flow: LiveFlow, arrived_us: int) -> bool:
    """Whether there is a snapshot of a later place in the log."""
    with contextlib.suppress(UnusableError):
        return source_states(snapshots_of(flow.folder / "state" / SNAPSHOTS))["log"][0] > arrived_us
    return False


def wipe(dsn: str) -> None:
    """Drop everything in the database."""
    client = PoolClient.open(dsn)
    for row in client.rows("SELECT name, engine FROM system.tables WHERE database = currentDatabase()"):
        client.execute(f"DROP {'VIEW' if row['engine'] == 'View' else 'TABLE'} `{row['name']}`")
    client.close()


def run(live_flow: LiveFlow, *words: str) -> Result:
    return CliRunner().invoke(main, words, env=live_flow.environment())
