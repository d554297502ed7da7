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
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from alerts.duration import DAY_US, HOUR_US
from alerts.model import Revision, from_us
from connectors.child_server import free_port
from connectors.clickhouse import Pool
from connectors.embedded import Parts
from connectors.kafka import RawProducer, raw_topic
from connectors.metrics_reader import Samples, read_page
from connectors.rulebook import RULES_FOLDER
from connectors.seal import Sealer, load_sealer
from connectors.subscriber import Subscriber
from dataflows.admission import MAPPING, SEALED
from dataflows.city.city import MAPPINGS_FOLDER, City
from dataflows.city.report import RawRow
from dataflows.city.truth import Truth
from dataflows.city.wire import Drop, to_bytes, to_files
from dataflows.cli_keys import make_keys

# not the rules about the channels: at this speed half a second of delay is an hour of silence
PURPOSES = ("life-safety", "service-quality", "situational-awareness")
SPEED = 7_200.0  # a second shows two hours: five days a minute
ROWS_A_REPORT = 5.8  # a report and the steps that follow it, measured over thirty simulated days
OPEN_END_DAYS = 10
SETTLE_HOURS = 12  # simulated time to go on after the last row, so that what waits is judged
TOKEN = "demo"
START_SECONDS = 30.0


class Plan(NamedTuple):
    """How long, how fast and how much."""

    seconds: float | None  # None: until Ctrl-C
    rate: float  # rows a second
    seed: int

    @property
    def days(self) -> int:
        """Simulated days of one telling of the city."""
        if self.seconds is None:
            return OPEN_END_DAYS
        return max(1, round(self.seconds * SPEED * 1e6 / DAY_US))

    @property
    def reports_per_day(self) -> float:
        """Reports on a simulated day that make the rate."""
        return self.rate / ROWS_A_REPORT * DAY_US / 1e6 / SPEED


class Sent:
    """What the departments have sent so far, by way and channel."""

    def __init__(self) -> None:
        self.rows = 0
        self.ways: Counter[str] = Counter()


class Departments:
    """The simulated departments: each row goes out when the simulated clock reaches its arrival."""

    def __init__(self, bootstrap: str, http: str, drop: Path, sealer: Sealer, sent: Sent) -> None:
        self._producer = RawProducer(bootstrap)
        self._http = http
        self._drop = drop
        self._sealer = sealer
        self._sent = sent

    def send(self, city: City, origin: float, stop: threading.Event) -> None:
        """Send a city's rows at their times; `origin` is the machine's time at its start."""
        waiting: list[RawRow] = []
        for row in city.rows():
            due = origin + (row.arrives_at_us - city.start_us) / 1e6 / SPEED
            while (ahead := due - time.time()) > 0 and not stop.is_set():
                self._flush(waiting)
                stop.wait(min(ahead, 0.05))
            if stop.is_set():
                break
            waiting.append(row)
            if len(waiting) >= 200:
                self._flush(waiting)
        self._flush(waiting)
        self._producer.flush()

    def _flush(self, waiting: list[RawRow]) -> None:
        """Each way takes its own; the list is empty afterwards."""
        pushed: dict[str, list[bytes]] = {}
        for row in waiting:
            self._sent.rows += 1
            self._sent.ways[row.way] += 1
            if row.way == "kafka":
                headers = {MAPPING: row.mapping.encode(), SEALED: b"1"}
                self._producer.send(raw_topic(row.channel), self._sealer.seal(to_bytes(row)).encode(), headers)
            elif row.way == "http":
                pushed.setdefault(row.mapping, []).append(to_bytes(row))
        for mapping, rows in pushed.items():
            self._push(mapping, rows)
        for drop in to_files(waiting):
            self._put(drop)
        waiting.clear()

    def _push(self, mapping: str, rows: list[bytes]) -> None:
        """One request. A refusal of single rows is an answer, not a failure: they are dead letters by then."""
        request = urllib.request.Request(
            f"{self._http}/v1/rows/{mapping}",
            b"\n".join(rows),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"},
        )
        with (
            contextlib.suppress(urllib.error.HTTPError),
            urllib.request.urlopen(request, timeout=30) as answer,
        ):
            answer.read()

    def _put(self, drop: Drop) -> None:
        folder = self._drop / drop.mapping
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{drop.name}"
        unfinished.write_bytes(drop.content)
        unfinished.rename(folder / drop.name)


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

    @property
    def truth(self) -> Truth:
        """The stories told so far."""
        return Truth([story for city in self.cities for story in city.stories])

    def now(self) -> datetime:
        """What the simulated clock shows."""
        city = self.cities[0]
        return from_us(city.start_us + int((time.time() - self.started_at) * 1e6 * SPEED))

    def samples(self) -> Samples:
        """The flow's metrics."""
        return Samples(self.metrics_page())

    def metrics_page(self) -> str:
        """The flow's metrics as Prometheus reads them."""
        return read_page(f"http://127.0.0.1:{self._metrics_port}/metrics")

    def alerts(self) -> list[dict[str, Any]]:
        """The last revision of every alert, as the stories' judge reads them."""
        assert self.reader is not None
        return [
            {"rule": r.rule, "key": r.key, "level_max": r.level_max, "evidence": [e.id for e in r.evidence]}
            for r in self.reader.alerts().values()
            if r.state not in ("retracted", "merged")
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Servers and flow are up inside the block; the flow is stopped in order at its end."""
        self._city()
        with Parts(self.folder / "servers") as parts:
            keys = make_keys(self.folder / "keys")
            self._start_flow(parts, keys)
            try:
                self._wait_until_up()
                self.reader = Subscriber(parts.redis_url, decode=msgspec.json.Decoder(Revision).decode)
                yield
                self._stop_flow()
                self.read_alerts()
            finally:
                self._stop.set()
                if self._flow is not None and self._flow.poll() is None:
                    self._flow.kill()
            self.pool_dsn = parts.clickhouse_dsn

    def send(self) -> threading.Thread:
        """Let the departments send, in a thread of their own."""
        sealer = load_sealer(self.folder / "keys" / "seal.public")
        http = f"http://127.0.0.1:{self._http_port}"
        departments = Departments(self.bootstrap, http, self.folder / "drop", sealer, self.sent)

        def tell() -> None:
            origin = self.started_at
            while not self._stop.is_set():
                departments.send(self.cities[-1], origin, self._stop)
                if self.plan.seconds is not None:
                    return
                origin += (self.cities[-1].end_us - self.cities[-1].start_us) / 1e6 / SPEED
                self._city()

        thread = threading.Thread(target=tell, name="departments", daemon=True)
        thread.start()
        return thread

    def read_alerts(self) -> list[Revision]:
        """Revisions that came since the last look."""
        assert self.reader is not None
        found = self.reader.read()
        self.revisions += found
        return found

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

    def _start_flow(self, parts: Parts, keys: tuple[Path, Path, Path]) -> None:
        self.bootstrap = parts.bootstrap
        self.redis_url = parts.redis_url
        self._http_port, self._metrics_port = free_port(), free_port()
        self.started_at = time.time() + 3.0  # the city wakes when the flow is up
        environment = {
            **os.environ,
            "ANLAN_KAFKA": parts.bootstrap,
            "ANLAN_REDIS": parts.redis_url,
            "ANLAN_CLICKHOUSE": parts.clickhouse_dsn,
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
            "ANLAN_CLOCK_SPEED": str(SPEED),
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


def seconds_to_settle() -> float:
    """Wall seconds in which the simulated clock moves far enough to judge what waits."""
    return SETTLE_HOURS * HOUR_US / 1e6 / SPEED


def as_json(value: Any) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2)
