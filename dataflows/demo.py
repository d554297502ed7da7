"""The demo: a simulated city at the doors of the production flow, on embedded servers, and what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from alerts.duration import DAY_US, HOUR_US
from alerts.model import Revision, from_us
from connectors.child_server import free_ports
from connectors.clickhouse import Pool
from connectors.clickhouse_server import ClickHouseServer
from connectors.embedded import Parts
from connectors.metrics_reader import Samples, read_page
from connectors.redis_client import is_transient
from connectors.rulebook import RULES_FOLDER
from connectors.seal import load_sealer
from connectors.subscriber import Subscriber
from dataflows.city.city import MAPPINGS_FOLDER, City
from dataflows.city.stories import Story
from dataflows.city.truth import Truth
from dataflows.cli.keys import make_keys
from dataflows.demo_departments import TOKEN, Departments, Sent
from dataflows.demo_stories import StoryTold, tell

# not the rules about the channels: at this speed half a second of delay is an hour of silence
PURPOSES = ("life-safety", "service-quality", "situational-awareness")
ROWS_A_REPORT = 5.8  # a report and the steps that follow it, measured over thirty simulated days
OPEN_END_DAYS = 10
SETTLE_HOURS = 12  # simulated time to go on after the last row, so that what waits is judged
START_SECONDS = 30.0
SPEED = 7_200.0  # a second shows two hours: five days a minute


class Plan(NamedTuple):
    """How long, how fast and how much."""

    seconds: float | None  # None: until Ctrl-C
    rate: float  # rows a second
    seed: int
    speed: float = SPEED  # how much faster than the machine's the simulated clock goes

    @property
    def days(self) -> int:
        """Simulated days of one telling of the city."""
        if self.seconds is None:
            return OPEN_END_DAYS
        return max(1, round(self.seconds * self.speed * 1e6 / DAY_US))

    @property
    def reports_per_day(self) -> float:
        """Reports on a simulated day that make the rate."""
        return self.rate / ROWS_A_REPORT * DAY_US / 1e6 / self.speed

    @property
    def seconds_to_settle(self) -> float:
        """Wall seconds in which the simulated clock moves far enough to judge what waits."""
        return SETTLE_HOURS * HOUR_US / 1e6 / self.speed


class Demo:
    """One run: servers, the flow as a process of its own, departments, a reader of the alerts."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.sent = Sent()
        self.cities: list[City] = []
        self.started_at = 0.0
        self.reader: Subscriber | None = None
        self.revisions: list[Revision] = []
        self._stop = threading.Event()
        self._flow: subprocess.Popen[bytes] | None = None
        self._metrics_port = 0
        self.latest: Samples | None = None
        self.stories: list[StoryTold] = []

    @property
    def truth(self) -> Truth:
        """The stories told so far."""
        return Truth(self._all_stories())

    def _all_stories(self) -> list[Story]:
        """Of all cities; each city counts its tellings from the same number, so its own number is put behind."""
        return [
            msgspec.structs.replace(story, id=f"{story.id}@{number}")
            for number, city in enumerate(self.cities)
            for story in city.stories
        ]

    def now(self) -> datetime:
        """What the simulated clock shows."""
        city = self.cities[0]
        return from_us(city.start_us + int((time.time() - self.started_at) * 1e6 * self.plan.speed))

    def samples(self) -> Samples:
        """The flow's metrics."""
        return Samples(self.metrics_page())

    def metrics_page(self) -> str:
        """The flow's metrics as Prometheus reads them."""
        return read_page(f"http://127.0.0.1:{self._metrics_port}/metrics")

    def alerts(self) -> list[dict[str, Any]]:
        """The last revision of every alert, as the stories' judge reads them."""
        return [
            {"rule": r.rule, "key": r.key, "level_max": r.level_max, "evidence": [e.id for e in r.evidence]}
            for r in self.last_revisions()
            if r.state not in ("retracted", "merged")
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Servers and flow are up inside the block; the flow is stopped in order at its end."""
        self._city()
        pool = ClickHouseServer(self.folder / "servers" / "clickhouse")  # a server: flow and board ask it both
        with Parts(self.folder / "servers") as parts, pool:
            self.parts = parts
            keys = make_keys(self.folder / "keys")
            self._start_flow(parts, pool.dsn, keys)
            try:
                self._wait_until_up()
                self.reader = Subscriber(parts.redis_url, fill=lambda after, before: ())  # nothing is trimmed so soon
                yield
                self._stop_flow()
                self.read_alerts()
            finally:
                self._stop.set()
                if self._flow is not None and self._flow.poll() is None:
                    self._flow.kill()
        self.pool_dsn = pool.engine_dsn

    def send(self) -> threading.Thread:
        """Let the departments send, in a thread of their own."""
        sealer = load_sealer(self.folder / "keys" / "seal.public")
        http = f"http://127.0.0.1:{self._http_port}"
        departments = Departments(self.bootstrap, http, self.folder / "drop", sealer, self.sent, self.plan.speed)

        def tell() -> None:
            origin = self.started_at
            while not self._stop.is_set():
                departments.send(self.cities[-1], origin, self._stop)
                if self.plan.seconds is not None:
                    return
                origin += (self.cities[-1].end_us - self.cities[-1].start_us) / 1e6 / self.plan.speed
                self._city()

        thread = threading.Thread(target=tell, name="departments", daemon=True)
        thread.start()
        return thread

    def read_alerts(self) -> list[Revision]:
        """Revisions that came since the last look; a Valkey that has died is started again, with what it had."""
        assert self.reader is not None
        try:
            found = msgspec.convert(self.reader.read(), list[Revision])
        except Exception as error:
            if not is_transient(error):
                raise
            if not self.parts.valkey.is_running():
                self.parts.valkey.start()
            return []
        self.revisions += found
        self.stories = tell(self._all_stories(), self.last_revisions(), self.now())
        return found

    def last_revisions(self) -> list[Revision]:
        """The last revision of every alert."""
        assert self.reader is not None
        return msgspec.convert(list(self.reader.alerts().values()), list[Revision])

    def stop(self) -> None:
        """No more rows."""
        self._stop.set()

    def is_alive(self) -> bool:
        """Whether the flow still runs."""
        return self._flow is not None and self._flow.poll() is None

    def log_tail(self, lines: int = 15) -> str:
        """The last words of the flow."""
        return "\n".join((self.folder / "flow.log").read_text(encoding="utf-8").splitlines()[-lines:])

    def _city(self) -> None:
        start = self._next_start()
        self.cities.append(City(self.plan.seed + len(self.cities), start, self.plan.days, self.plan.reports_per_day))

    def _next_start(self) -> datetime:
        if self.cities:
            return from_us(self.cities[-1].end_us)
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=self.plan.days)

    def _start_flow(self, parts: Parts, pool_dsn: str, keys: tuple[Path, Path, Path]) -> None:
        self.bootstrap = parts.bootstrap
        self.redis_url = parts.redis_url
        self.pool_dsn = pool_dsn
        self._http_port, self._metrics_port = free_ports(2)
        self.started_at = time.time() + 3.0  # the city wakes when the flow is up
        environment = {
            **os.environ,
            "ANLAN_KAFKA": parts.bootstrap,
            "ANLAN_REDIS": parts.redis_url,
            "ANLAN_CLICKHOUSE": pool_dsn,
            "ANLAN_KEYRING": str(keys[0]),
            "ANLAN_SEAL_KEY": str(keys[1]),
            "ANLAN_STATE": str(self.folder / "state"),
            "ANLAN_DROP": str(self.folder / "drop"),
            "ANLAN_MAPPINGS": str(MAPPINGS_FOLDER),
            "ANLAN_RULES": ",".join(str(RULES_FOLDER / purpose) for purpose in PURPOSES),
            "ANLAN_LOG_PARTITIONS": "2",
            "ANLAN_METRICS_PORT": str(self._metrics_port),
            "ANLAN_HTTP_PORT": str(self._http_port),
            "ANLAN_HTTP_TOKENS": f"demo={hashlib.sha256(TOKEN.encode()).hexdigest()}",
            "ANLAN_CLOCK_START": str(self.cities[0].start_us),
            "ANLAN_CLOCK_ORIGIN": str(self.started_at),
            "ANLAN_CLOCK_SPEED": str(self.plan.speed),
        }
        log = (self.folder / "flow.log").open("wb")
        command = [sys.executable, "-m", "dataflows", "-v", "run"]
        self._flow = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def _wait_until_up(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if not self.is_alive():
                raise RuntimeError(f"the flow must start; got its end:\n{self.log_tail()}")
            with contextlib.suppress(OSError):
                self.samples()
                with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}/health", timeout=1):
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the flow must be up within {START_SECONDS:g} s; got nothing:\n{self.log_tail()}")

    def _stop_flow(self) -> None:
        assert self._flow is not None
        self.final = self.samples()
        self._flow.send_signal(signal.SIGTERM)
        code = self._flow.wait(60)
        if code != 0:
            raise RuntimeError(f"the flow must end with 0; got {code}:\n{self.log_tail()}")


def count_pool(dsn: str) -> tuple[int, list[Any]]:
    """How many events the pool holds, and which aggregates differ from a recount (none should)."""
    with Pool(dsn) as pool:
        return pool.count_events(), pool.recount_check()


def as_json(value: Any) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
