"""The live stream from a real process: each place once and in order, also when the service is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_flow import wait_until
from service import HERE, THERE, Client, World

from connectors.child_server import free_ports
from connectors.embedded import Valkey
from dataflows.api import following
from dataflows.api.limits import Limits

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


class Process:
    """`anlan serve` on a port of its own."""

    def __init__(self, world: World) -> None:
        self.port, nobody = free_ports(2)
        # the embedded pool lets one process in, and that is the test
        self._settings = {
            "ANLAN_KAFKA": world.kafka, "ANLAN_REDIS": world.redis_url, "ANLAN_CLICKHOUSE": f"http://127.0.0.1:{nobody}",
            "ANLAN_API_TOKENS": str(world.tokens), "ANLAN_API_PORT": str(self.port), "ANLAN_API_METRICS_PORT": "0",
        }  # fmt: skip
        self._log = world.folder / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "dataflows", "-v", "serve"]
            self._process = subprocess.Popen(command, env=os.environ | self._settings, stdout=log, stderr=log)
        wait_until(self._is_up, "the service must answer")

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.port}/health/live").status_code == 200
        return False

    def stop(self, number: int = signal.SIGKILL) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20)

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")


@pytest.fixture
def process(world: World) -> Iterator[Process]:
    found = Process(world)
    found.start()
    yield found
    found.stop()


class Follower:
    """Follows a feed in a thread, and goes on from the last id whenever the connection ends, as a browser does."""

    def __init__(self, port: int, token: str) -> None:
        self.heard: list[tuple[int, str, Any]] = []
        self.connections = 0
        self._port = port
        self._headers = {"authorization": f"Bearer {token}"}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Follower:
        self._thread.start()
        wait_until(lambda: self.connections > 0, "the follower must be connected")
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.05):
            with contextlib.suppress(httpx.TransportError):
                self._follow()

    def _follow(self) -> None:
        last = {"last-event-id": str(self.heard[-1][0])} if self.heard else {}
        url = f"http://127.0.0.1:{self._port}/v1/stream"
        with httpx.stream("GET", url, headers=self._headers | last, timeout=1.0) as answer:
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if line:
                    event[name] = value
                elif "data" in event:
                    self._hear(event)
                    event = {}

    def _hear(self, event: dict[str, str]) -> None:
        if event["event"] == "begin":
            self.connections += 1
        else:
            self.heard.append((int(event["id"]), event["event"], json.loads(event["data"])))

    @property
    def places(self) -> list[int]:
        return [place for place, _, _ in self.heard]


def test_who_follows_hears_every_place_once_through_kills_of_the_service(world: World, process: Process) -> None:
    number = 0

    def say(number: int) -> None:
        world.say("a", number, in_pool=False, key={"number": str(number)})
        world.say("b", number, in_pool=False, county=THERE)

    with Follower(process.port, world.shown["here"]) as follower:
        for _ in range(3):
            for _ in range(20):
                number += 1
                say(number)
            half = number - 10
            wait_until(lambda half=half: len(follower.places) >= half, "what was said before the kill must be heard")  # type: ignore[misc]
            process.stop()
            number += 1
            say(number)  # while nobody answers
            process.start()
        wait_until(lambda: len(follower.places) >= number, "all must be heard")

    assert follower.places == list(range(1, number + 1))
    assert [said["key"]["number"] for _, _, said in follower.heard] == [str(n) for n in range(1, number + 1)]
    assert follower.connections >= 4


def test_an_orderly_stop_lets_those_who_follow_go_at_once(world: World, process: Process) -> None:
    with Follower(process.port, world.shown["here"]):
        code = process.stop(signal.SIGTERM)
        said = process.said()
        process.start()

    assert code == 0, said
    assert "service_stopped" in said
    assert world.shown["here"] not in said
    assert "request_answered request=" in said


def test_while_redis_is_away_the_stream_waits_and_then_goes_on(tmp_path: Path, pool_dsn: str, bootstrap: str) -> None:
    with Valkey(tmp_path / "valkey", durable=True) as valkey:
        world = World(tmp_path, valkey.url, pool_dsn, bootstrap)
        process = Process(world)
        process.start()
        try:
            with Follower(process.port, world.shown["here"]) as follower:
                world.say("a", 1)
                wait_until(lambda: follower.places == [1], "the first must be heard")
                valkey.stop()
                valkey.start()
                world.say("a", 2)
                wait_until(lambda: follower.places == [1, 2], "the second must be heard")
        finally:
            process.stop()
            world.close()


def stream(client: Client, who: str, more: str = "", **headers: str) -> list[str]:
    """What a stream says up to where it stands."""
    client.service.nudges.is_closed = True
    return [line for line in client.get(who, f"/v1/stream{more}", headers=headers).text.splitlines() if line]


def test_a_stream_begins_with_its_place_and_names_events_by_theirs(world: World, client: Client) -> None:
    world.say("a", 1)
    world.say("a", 2, county=THERE, left=HERE)

    lines = stream(client, "here", "?after=0")

    assert [line for line in lines if not line.startswith("data")] == [
        "id: 0", "event: begin", "id: 1", "event: revision", "id: 2", "event: left",
    ]  # fmt: skip
    assert lines[-1] == 'data: {"alert_id":"a","revision":2}'
    assert stream(client, "here")[:2] == ["id: 2", "event: begin"], "from now on"


def test_the_last_event_id_comes_before_the_address(world: World, client: Client) -> None:
    for number in (1, 2, 3):
        world.say("a", number)

    lines = stream(client, "here", "?after=0", **{"last-event-id": "2"})

    assert [line for line in lines if line.startswith("id")] == ["id: 2", "id: 3"]


def test_a_place_that_stands_in_the_stream_twice_is_told_once(world: World, client: Client) -> None:
    world.say("a", 1)
    world.say("a", 2)
    for _, fields in world.redis.xrange(f"alerts:{HERE}"):
        world.redis.xadd(f"alerts:{HERE}", fields)  # issued again, by a later life of the flow

    lines = stream(client, "here", "?after=0")

    assert [line for line in lines if line.startswith("id")] == ["id: 0", "id: 1", "id: 2"]


def test_a_place_that_is_gone_is_told_before_anything_is_streamed(world: World, client: Client) -> None:
    answer = client.get("here", "/v1/stream", headers={"last-event-id": "7"})

    assert (answer.status_code, answer.headers["content-type"]) == (410, "application/problem+json")


def test_a_quiet_stream_shows_that_it_lives(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "KEEP_ALIVE_SECONDS", 0.0)

    assert ": here" in stream(client, "here")


def test_a_token_holds_only_so_many_streams(world: World) -> None:
    with world.client(Limits(1e6, 1_000_000, streams=0)) as client:
        answer = client.get("here", "/v1/stream")

    assert answer.status_code == 429
    assert answer.json()["detail"] == "streams must be at most 0 at once; got one more; close another"
