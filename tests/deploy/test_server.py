"""One server without containers, really: Kafka, Valkey, our processes, Prometheus and the board, with TLS."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from apache_kafka import require_apache_kafka
from compose_file import compose_file
from family_reports import family_reports
from one_server import PORTS, OneServer
from tools import need

from connectors.apache_kafka import jars
from connectors.child_server import free_port
from dataflows.readiness import SOCKET as NOTIFY

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 120.0
WITHOUT = {"ANLAN_ROOT": "", "ANLAN_HOST": "", "ANLAN_USER": ""}
PARTS = {"kafka", "valkey", "clickhouse", "prometheus", "alertmanager", "run", "serve"}


@pytest.fixture(scope="module")
def ear() -> Iterator[socket.socket]:
    """Where systemd would hear that a part is ready."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(f"\0{uuid.uuid4().hex}")
        found.setblocking(False)
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ear: socket.socket) -> Iterator[OneServer]:
    require_apache_kafka()
    for program in ("prometheus", "prometheus-alertmanager"):
        need(program, f"Debian has it: apt-get install {program}")
    found = OneServer(tmp_path_factory.mktemp("server"))
    found.install("--trial")
    found.move_ports()
    watch = found.etc / "prometheus" / "prometheus.yaml"
    watch.write_text(watch.read_text(encoding="utf-8").replace(" 15s", " 1s").replace(" 10s", " 1s"), encoding="utf-8")
    found.bring_servers()
    made = found.run("anlan", "tokens", "make", "--name", "li", "--role", "supervisor",
                     "--file", f"{found.etc}/tokens.yaml")  # fmt: skip
    found.token = made.split()[-1]
    listening = {NOTIFY: f"@{ear.getsockname()[1:].decode()}"}
    found.run("supervisord", "-c", f"{found.etc}/supervisord.conf", **listening)
    try:
        yield found
    finally:
        found.supervise("shutdown")
        ended = found.root / "var" / "lib" / "anlan" / "supervisord.pid"
        until(lambda: not ended.exists(), lambda: "supervisord must end; got its file still there")


def until(holds: Callable[[], bool], told: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, told()
        time.sleep(0.2)


def answer(server: OneServer, port: int, path: str, scheme: str = "https") -> Any:
    """What a door of the installation answers; None where it does not."""
    trusted = ssl.create_default_context(cafile=str(server.etc / "tls" / "ca.pem"))
    url = f"{scheme}://localhost:{server.ports[port]}{path}"
    try:
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {server.token}"})
        with urllib.request.urlopen(asked, timeout=30, context=trusted if scheme == "https" else None) as found:
            return found.read().decode()
    except OSError:
        return None


def health(server: OneServer) -> dict[str, str]:
    return dict(json.loads(answer(server, 8090, "/health/ready") or "{}"))


def targets(server: OneServer) -> dict[str, str]:
    found = json.loads(answer(server, 9090, "/api/v1/targets", "http") or '{"data": {"activeTargets": []}}')
    return {each["labels"]["job"]: each["health"] for each in found["data"]["activeTargets"]}


def test_one_command_starts_everything_and_health_is_green(server: OneServer) -> None:
    until(lambda: health(server).get("status") == "ready", lambda: f"{health(server)}\n{server.log('run')[-2000:]}")
    wanted = {"anlan-run": "up", "anlan-serve": "up", "prometheus": "up"}
    until(lambda: targets(server) == wanted, lambda: str(targets(server)))

    running = {line.split()[0] for line in server.supervise("status").splitlines() if "RUNNING" in line}
    assert running == PARTS
    assert "<html" in answer(server, 8090, "/board/")
    assert answer(server, 8090, "/health/live", "http") is None, "the service speaks TLS alone"


def test_both_of_ours_tell_who_supervises_them_that_they_are_ready(server: OneServer, ear: socket.socket) -> None:
    heard: list[bytes] = []

    def both() -> bool:
        with contextlib.suppress(BlockingIOError):
            heard.append(ear.recv(1_000))
        return heard.count(b"READY=1") == 2  # Valkey says more

    until(both, lambda: str(heard))


def test_reports_that_come_in_become_alerts_that_the_service_shows(server: OneServer) -> None:
    """Through every lock of the installation: Kafka, Valkey and the service."""
    reports = server.root / "reports.jsonl"
    reports.write_bytes(b"\n".join(map(msgspec.json.encode, family_reports(seed=1, count=40))))

    server.run("anlan", "ingest", "--config", f"{server.etc}/anlan.toml", str(reports))

    def alerts() -> list[Any]:
        return list(json.loads(answer(server, 8090, "/v1/alerts") or '{"alerts": []}')["alerts"])

    until(lambda: bool(alerts()), lambda: server.log("run")[-2000:])


@pytest.mark.parametrize("part", ["kafka", "valkey", "run", "serve", "prometheus", "alertmanager"])
def test_what_a_container_is_asked_for_its_health_answers_here_and_nowhere_else(server: OneServer, part: str) -> None:
    [way, *command] = compose_file(WITHOUT)["services"][part]["healthcheck"]["test"]
    command = ["sh", "-c", *command] if way == "CMD-SHELL" else command
    [port] = {number for number in PORTS if str(number) in " ".join(command)} or {6379}

    assert well(server, command, port, server.ports[port])
    assert not well(server, command, port, free_port())


def well(server: OneServer, command: list[str], port: int, moved: int) -> bool:
    """Run a health check as a plain process, against a port of this machine."""
    told = [word.replace("/etc/anlan", str(server.etc)).replace("/run/secrets", f"{server.etc}/secrets")
            .replace(str(port), str(moved)).replace("-h localhost", f"-h localhost -p {moved}")
            .replace("valkey-cli", shutil.which("valkey-cli") or "redis-cli") for word in command]  # fmt: skip
    told[0] = sys.executable if told[0] == "python" else told[0]
    return subprocess.run(told, capture_output=True, check=False, timeout=60).returncode == 0


def test_the_administrator_is_known_to_kafkas_own_tools(server: OneServer) -> None:
    command = ["java", "-cp", f"{jars()}/*", "kafka.admin.ConfigCommand", "--describe", "--entity-type", "users"]
    where = ["--bootstrap-server", f"localhost:{server.ports[9092]}"]
    who = ["--command-config", f"{server.etc}/secrets/kafka-admin.properties"]

    said = subprocess.run([*command, *where, *who], capture_output=True, text=True, check=True, timeout=60).stdout

    assert set(re.findall(r"user-principal '([\w-]+)'", said)) == {"admin", "anlan-run", "anlan-serve", "anlan-upkeep"}


def test_no_log_shows_a_password(server: OneServer) -> None:
    passwords = [path.read_text() for path in (server.etc / "secrets").glob("*-password")]

    for log in (server.root / "var" / "lib" / "anlan" / "log").iterdir():
        text = log.read_text(encoding="utf-8", errors="replace")
        assert not any(password in text for password in passwords), log
