"""A disk that is full makes the flow wait and loses nothing; one that may not be written is refused in a sentence."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from family_reports import family_reports, replayed, settled
from live_flow import LiveFlow, in_topic, logged_events, wait_until
from subscribing import revision_reader

from connectors.clickhouse import Pool
from connectors.kafka import RawProducer, raw_topic
from dataflows.cli.keys import make_keys

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

Mount = Callable[[str], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Mount]]:
    """A disk of 100 MB, and how to mount it with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "anlan-test", str(folder)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            pytest.skip(f"a test disk needs the right to mount; got `{answer.stderr.strip()}`")

    mount("size=100m")
    yield folder, mount
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_holds_the_flow_and_with_room_it_goes_on(
    live_flow: LiveFlow, small_disk: tuple[Path, Mount]
) -> None:
    disk, _ = small_disk
    bootstrap = live_flow.broker.bootstrap
    live_flow.settings["ANLAN_STATE"] = str(disk / "state")
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    with RawProducer(bootstrap) as producer:
        for event in family_reports(1, 150):
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))
        producer.flush()
        (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free - 20_000_000))
        wait_until(lambda: "disk_full the flow waits until there is room" in live_flow.said(), "it must say so")
        for event in family_reports(2, 150):
            producer.send(raw_topic(event.channel), msgspec.json.encode(event))
        producer.flush()
    (disk / "ballast").unlink()
    wait_until(lambda: "disk_has_room" in live_flow.said(), "it must go on")
    wait_until(lambda: logged_events(bootstrap) >= 300, "every event must reach the log")
    reader = revision_reader(live_flow.valkey.url)
    wait_until(lambda: settled(reader, bootstrap), "every alert must reach Redis")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    assert live_flow.said().count("disk_full") == 1
    topic = in_topic(bootstrap)
    assert {(r.alert_id, r.revision): r.content_hash for r in topic} == replayed(bootstrap)
    assert len(topic) == len(replayed(bootstrap)) > 20
    with Pool(live_flow.dsn) as pool:
        assert pool.count_events() == 300


def refused(state: Path, keys: Path) -> str:
    """What `anlan run` says of a state folder, given keys that it makes in another one."""
    make_keys(keys)
    own = {"ANLAN_KEYRING": str(keys / "keyring"), "ANLAN_SEAL_KEY": str(keys / "seal.private")}
    environment = {**os.environ, **own, "ANLAN_STATE": str(state)}
    command = [sys.executable, "-m", "dataflows", "run"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    return answer.stderr


def test_a_state_folder_on_a_read_only_disk_is_refused(small_disk: tuple[Path, Mount], tmp_path: Path) -> None:
    disk, mount = small_disk
    mount("remount,ro")
    assert "`state` must be a folder that can be written; got `Read-only file system`" in refused(
        disk / "state", tmp_path / "keys"
    )


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert "`state` must be a folder that can be written; got `File exists`" in refused(
        tmp_path / "state", tmp_path / "keys"
    )
