"""A whole installation that is broken in every way on-call is told of: what Prometheus would see before and after."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
from certificates import Authority
from clickhouse_server import ClickHouseServer
from group_onlooker import Onlooker
from live_flow import LiveFlow, wait_until
from promtool import Scrape

from alerts.model import Event
from connectors.child_server import free_port
from connectors.kafka import RawProducer, raw_topic
from connectors.metrics_reader import Samples, read_page
from connectors.rulebook import RULES_FOLDER
from dataflows.api.tokens import make_token
from dataflows.cli.keys import make_keys

RUN, SERVE, GROUP = "anlan-run", "anlan-serve", "anlan-group"  # the jobs of Prometheus

RULE = """
apiVersion: rules/v1
id: {name}
version: {version}
kind: threshold
title: {{zh: 试, en: try}}
owner: tests
runbook: rb/none
purpose: life-safety
channels: [resident]
select: {{contact: {{action: [received]}}}}
key: [pair]
window: {{size: 1d, lateness: 2h}}
levels:
  - {{gte: 1, level: blue}}
state: {{max_keys: 8}}
explain: "{{count}}"
"""

# a fault of ours in what judges a key, for the process that runs it: version 1 of one rule raises
RAISES = """
from alerts.track import Track
add = Track.add
def raising(track, entry, watermark):
    if track.rule.id == "oncall.raises" and track.rule.spec.version == 1:
        raise ZeroDivisionError
    return add(track, entry, watermark)
Track.add = raising
"""


class OnCallFlow(LiveFlow):
    """`anlan run` and `anlan serve` on servers of their own, with rules that may be edited and one that raises."""

    def __init__(self, folder: Path, state: Path) -> None:
        super().__init__(folder)
        make_keys(folder / "keys")
        self.authority = Authority(folder / "tls", days=400)
        self.clickhouse = ClickHouseServer(folder / "clickhouse")
        self.state, self.rules = state, folder / "rules"
        self.ports = {RUN: free_port(), SERVE: free_port()}
        self.api = f"http://127.0.0.1:{free_port()}"
        self._token, entry = make_token("looker", "duty.city", "")
        (folder / "tokens.yaml").write_text(f"apiVersion: tokens/v1\ntokens:\n{entry}\n", encoding="utf-8")
        self._service: subprocess.Popen[bytes] | None = None
        shutil.copytree(RULES_FOLDER, self.rules)
        (folder / "sitecustomize.py").write_text(RAISES, encoding="utf-8")

    @contextmanager
    def servers(self) -> Iterator[None]:
        """Everything that both need; both are gone when the block ends."""
        with self.broker, self.valkey, self.clickhouse:
            self.dsn = self.clickhouse.dsn
            try:
                yield
            finally:
                self.kill_service()
                if self.flow is not None and self.flow.poll() is None:
                    self.flow.kill()
                    self.flow.wait()

    def start_at(self, clock_us: int = 0, speed: int = 1) -> Scrape:
        """Start the flow, its clock at an instant or the machine's; the first that its metrics say."""
        self.settings = {
            "ANLAN_STATE": str(self.state),
            "ANLAN_RULES": str(self.rules),
            "ANLAN_METRICS_PORT": str(self.ports[RUN]),
            "ANLAN_SPOOL_BYTES": "100000",
            "ANLAN_TLS_CA": str(self.authority.ca),
            "PYTHONPATH": str(self.folder),
            "ANLAN_CLOCK_START": str(clock_us),
            "ANLAN_CLOCK_ORIGIN": str(time.time()),
            "ANLAN_CLOCK_SPEED": str(speed),
        }
        self.start()
        return self.until(lambda seen: True, "the flow must start")

    def start_service(self) -> None:
        """Start the service and wait until it answers."""
        environment = {
            **os.environ,
            "ANLAN_KAFKA": self.broker.bootstrap,
            "ANLAN_REDIS": self.valkey.url,
            "ANLAN_CLICKHOUSE": self.dsn,
            "ANLAN_API_TOKENS": str(self.folder / "tokens.yaml"),
            "ANLAN_API_PORT": self.api.rpartition(":")[2],
            "ANLAN_API_METRICS_PORT": str(self.ports[SERVE]),
        }
        log = (self.folder / "service.log").open("ab")
        self._service = subprocess.Popen(
            [sys.executable, "-m", "dataflows", "serve"], env=environment, stdout=log, stderr=log
        )

    @contextmanager
    def group(self) -> Iterator[Onlooker]:
        """A supervisor beside the flow, in a group in which it has no part."""
        self.ports[GROUP] = free_port()
        with Onlooker(self.broker.bootstrap, self.ports[GROUP], self.folder / "group") as onlooker:
            yield onlooker
        del self.ports[GROUP]

    def kill_service(self) -> None:
        """End it as a power cut would."""
        if self._service is not None:
            self._service.kill()
            self._service.wait()

    def ask(self, times: int) -> list[int]:
        """What the service answers to a duty officer who looks at the alerts."""
        shown = {"authorization": f"Bearer {self._token}"}
        with ThreadPoolExecutor(times) as asking:
            asked = [asking.submit(httpx.get, f"{self.api}/v1/alerts", headers=shown, timeout=20) for _ in range(times)]
        return [each.result().status_code for each in asked]

    def scrape(self) -> Scrape:
        """What Prometheus sees now."""
        return Scrape(time.time(), {job: _page(port) for job, port in self.ports.items()})

    def until(self, holds: Callable[[Samples], bool], what: str, job: str = RUN) -> Scrape:
        """The first scrape of which something holds."""
        found: list[Scrape] = []

        def _holds() -> bool:
            scrape = self.scrape()
            page = scrape.pages[job]
            if page is None:
                assert self.flow is not None
                assert self.flow.poll() is None, self.said()[-2000:]
                return False
            found[:] = [scrape]
            return holds(Samples(page))

        wait_until(_holds, what)
        return found[0]

    def send(self, events: Iterable[Event]) -> None:
        """Put events into the raw topics of their channels."""
        with RawProducer(self.broker.bootstrap) as producer:
            for event in events:
                producer.send(raw_topic(event.channel), msgspec.json.encode(event))
            producer.flush()

    def send_bytes(self, channel: str, rows: Iterable[bytes]) -> None:
        """Put rows into a raw topic as they are."""
        with RawProducer(self.broker.bootstrap) as producer:
            for row in rows:
                producer.send(raw_topic(channel), row)
            producer.flush()

    def write_rule(self, name: str, version: int = 1) -> None:
        """Put a rule file in place."""
        file = self.rules / f"{name}.yaml"
        file.with_suffix(".new").write_text(RULE.format(name=name, version=version), encoding="utf-8")
        file.with_suffix(".new").rename(file)


def hours_on(hours: float) -> int:
    """So many hours from now, in microseconds."""
    return int((time.time() + timedelta(hours=hours).total_seconds()) * 1e6)


def _page(port: int) -> str | None:
    try:
        return read_page(f"http://127.0.0.1:{port}/metrics", seconds=5)
    except OSError:
        return None
