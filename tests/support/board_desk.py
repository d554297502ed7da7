"""A whole installation with a board: broker, Valkey, ClickHouse, the flow, and `anlan serve` as a process to kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import redis
from live_flow import LiveFlow, wait_until

from alerts.model import Event, Revision
from connectors.child_server import free_port
from connectors.clickhouse_server import ClickHouseServer
from connectors.kafka import RawProducer, raw_topic
from connectors.rulebook import RULES_FOLDER
from dataflows.api.tokens import make_token
from dataflows.cli.keys import make_keys

HERE, THERE = "620102", "620103"
PEOPLE = {"head": ("supervisor", ""), "here": ("duty.county", HERE), "there": ("viewer", THERE)}
RULE = RULES_FOLDER / "life-safety" / "violence_progression.yaml"


class BoardDesk:
    """One installation; `start` and `kill` are those of the service, everything else goes on."""

    def __init__(self, folder: Path) -> None:
        make_keys(folder / "keys")
        self.pool = ClickHouseServer(folder / "clickhouse")
        self.port = free_port()
        self._folder = folder
        self._service: subprocess.Popen[bytes] | None = None
        made = {name: make_token(name, role, region) for name, (role, region) in PEOPLE.items()}
        self.tokens = {name: token for name, (token, _) in made.items()}
        entries = "\n".join(entry for _, entry in made.values())
        (folder / "tokens.yaml").write_text(f"apiVersion: tokens/v1\ntokens:\n{entries}\n", encoding="utf-8")

    def __enter__(self) -> Self:
        self.pool.start()
        self.flow = LiveFlow(self._folder, clickhouse=self.pool.dsn, rules=str(RULE))
        self.flow.broker.start()
        self.flow.valkey.start()
        self.redis = redis.Redis.from_url(self.flow.valkey.url, decode_responses=True)
        self.flow.start()
        self.start()
        wait_until(lambda: "flow_started" in self.flow.said(), "the flow must start")
        self.departments = RawProducer(self.flow.broker.bootstrap)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.departments.close()
        self.flow.stop(signal.SIGTERM)
        self.redis.close()
        for server in (self.flow.valkey, self.flow.broker, self.pool):
            server.stop()

    # the service

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def board(self, who: str) -> str:
        """The address that opens the board as somebody."""
        return f"{self.address}/board/#token={self.tokens[who]}"

    def start(self) -> None:
        """Start the service and wait until it answers."""
        settings = {
            "KAFKA": self.flow.broker.bootstrap, "REDIS": self.flow.valkey.url, "CLICKHOUSE": self.pool.dsn,
            "API_TOKENS": str(self._folder / "tokens.yaml"), "API_PORT": str(self.port), "API_METRICS_PORT": "0",
            "RULES": str(RULE), "API_PER_SECOND": "200",
        }  # fmt: skip
        environment = os.environ | {f"ANLAN_{name}": value for name, value in settings.items()}
        log = (self._folder / "serve.log").open("ab")
        command = [sys.executable, "-m", "dataflows", "serve"]
        self._service = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_until(self._answers, "the service must answer")

    def kill(self) -> None:
        """End the service as a power cut would."""
        if self._service is not None:
            self._service.kill()
            self._service.wait()
            self._service = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/health/live", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def ask(self, path: str, who: str = "head") -> Any:
        answer = httpx.get(f"{self.address}{path}", headers={"authorization": f"Bearer {self.tokens[who]}"}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # what happens in the city

    def quarrel(self, *names: str, county: str = HERE) -> list[str]:
        """Words, then blows in some families: a yellow alert each, whose ids this gives."""
        for name in names:
            self.report(f"{name}-1", name, "grid", 60, county, violence=1)
            self.report(f"{name}-2", name, "police", 50, county, violence=2)
        wait_until(lambda: all(map(self.alert_of, names)), "each quarrel must be an alert")
        return [found.alert_id for name in names if (found := self.alert_of(name))]

    def knife(self, name: str, county: str = HERE) -> None:
        """A knife in that family: the alert turns red."""
        self.report(f"{name}-3", name, "police", 5, county, cues=("weapon",))

    def report(self, event_id: str, name: str, channel: str, minutes_ago: int, county: str = HERE, **more: Any) -> None:
        """One report about a family."""
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        event = Event(
            event_id, channel, "received", at, pair=f"k1:{_letters(name)}", category="dispute", subcategory="family",
            region=f"{county}001", matter=f"matter-{name}", **more,
        )  # fmt: skip
        self.departments.send(raw_topic(channel), msgspec.json.encode(event))
        self.departments.flush()

    # what the store says

    def alert_of(self, name: str) -> Revision | None:
        """The alert of a family, as Redis has it."""
        return next((each for each in self.open() if each.key.get("pair") == f"k1:{_letters(name)}"), None)

    def open(self) -> list[Revision]:
        """What is open in Redis."""
        ids = self.redis.zrange("alerts:open", 0, -1)
        texts = [self.redis.hget(f"alert:{each}", "json") for each in ids]  # type: ignore[union-attr]
        return [msgspec.json.decode(text, type=Revision) for text in texts if isinstance(text, str)]


def _letters(name: str) -> str:
    """A token's twenty letters, made of a name."""
    return "".join("bcdfghjkmnprstvz"[ord(each) % 16] for each in name).ljust(20, "z")[:20]
