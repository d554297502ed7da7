"""The simulated departments of the demo: each sends its rows in its own way, when the simulated clock says so."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

from connectors.address import Where
from connectors.kafka import RawProducer, raw_topic
from connectors.seal import Sealer
from dataflows.admission import MAPPING, SEALED
from dataflows.city.city import City
from dataflows.city.report import RawRow
from dataflows.city.wire import Drop, to_bytes, to_files

TOKEN = "demo"


class Sent:
    """What the departments have sent so far, by way and channel."""

    def __init__(self) -> None:
        self.rows = 0
        self.ways: Counter[str] = Counter()


class Departments:
    """The simulated departments: each row goes out when the simulated clock reaches its arrival."""

    def __init__(self, bootstrap: Where, http: str, drop: Path, sealer: Sealer, sent: Sent, speed: float) -> None:
        self._producer = RawProducer(bootstrap)
        self._http = http
        self._drop = drop
        self._sealer = sealer
        self._sent = sent
        self._speed = speed

    def send(self, city: City, origin: float, stop: threading.Event) -> None:
        """Send a city's rows at their times; `origin` is the machine's time at its start."""
        waiting: list[RawRow] = []
        for row in city.rows():
            due = origin + (row.arrives_at_us - city.start_us) / 1e6 / self._speed
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
