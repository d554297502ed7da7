"""The gate before the intake log: while detection is behind, rows wait in their own raw topics."""

from __future__ import annotations

import threading
from collections import deque

from connectors.metrics import Metrics

EVENTS_AT_MOST = 5_000
READ_FOR_ONE = 4  # during a catch-up: events read for each one that may be written


class Gate:
    """Holds the intake back while more than `limit` events are in the log and not yet through detection.

    Everything behind the log is one order, so what waits there waits before everybody; what waits in a raw topic
    waits before its own channel only. So a flood in one channel delays an event of another by `limit` events at
    most, and memory does not grow with it.

    The sink of the log tells what it writes, its reader how far it is. Where one of the two lives in another
    process nothing is known and the gate is open.

    **Catching up.** After a start detection may be minutes behind, or rebuild everything. Rows must get into the
    log all the same: there they get the arrival that lateness and silence are judged by. So until detection has
    caught up with the log's end, the intake may write one event for every four that are read, besides `limit`. A
    city's everyday is far less than that; a flood is not, and however large it is, detection catches up.
    """

    def __init__(self, limit: int = EVENTS_AT_MOST, metrics: Metrics | None = None) -> None:
        self._limit = limit
        self._held = (metrics or Metrics()).intake_held
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, int]] = deque()  # arrival of the last event of a batch, and how many it has
        self._written = 0
        self._read = 0
        self._passed_us: int | None = None  # how far the reader is, where it lives in this process
        self._end_us: int | None = None  # the log's end when its writer began, where it lives in this process
        self._has_caught_up = False
        self.waiting = 0  # events written by this life and not yet through

    def log_ends_at(self, end_us: int) -> None:
        """The log's writer begins here."""
        with self._lock:
            self._end_us = end_us

    def read_from(self, clock_us: int) -> None:
        """The log's reader begins here; everything up to this instant is through."""
        with self._lock:
            self._passed_us = clock_us

    def admitted(self, events: int, last_us: int) -> None:
        """The writer wrote some events, the last of them arrived at `last_us`."""
        if not events:
            return
        with self._lock:
            self._written += events
            if self._passed_us is None or last_us > self._passed_us:
                self._waiting.append((last_us, events))
                self.waiting += events

    def passed(self, events: int, clock_us: int) -> None:
        """Everything that arrived up to `clock_us` is through; `events` of it are new."""
        with self._lock:
            self._read += events
            self._passed_us = clock_us
            while self._waiting and self._waiting[0][0] <= clock_us:
                self.waiting -= self._waiting.popleft()[1]

    def is_open(self) -> bool:
        """Whether another batch may come in."""
        with self._lock:
            answer = self._is_open()
            self._held.set(not answer)
            return answer

    def _is_open(self) -> bool:
        if self._passed_us is None or self._end_us is None:
            return True
        if not self._has_caught_up:
            self._has_caught_up = self._passed_us >= self._end_us and self.waiting <= self._limit
        if self._has_caught_up:
            return self.waiting <= self._limit
        return self._written <= self._limit + self._read // READ_FOR_ONE
