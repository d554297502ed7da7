"""Whether the server behind a spool is there, and how much waits for it: in one log line each, and in the metrics."""

from __future__ import annotations

import logging
import time

from connectors.metrics import Metrics

_log = logging.getLogger("anlan.sinks")


class Presence:
    """What is known of one server, and told."""

    def __init__(self, metrics: Metrics, sink: str, allowed_bytes: int) -> None:
        self._sink = sink
        self._away_since: float | None = None
        self._buffered = metrics.rows_buffered.labels(sink)
        self._rows = metrics.rows_spooled.labels(sink)
        self._bytes = metrics.spooled_bytes.labels(sink)
        metrics.spools_allowed.labels(sink).set(allowed_bytes)
        self._waited = metrics.rows_waited.labels(sink)
        self._away = metrics.sink_away.labels(sink)
        self._retried = metrics.flushes_retried.labels(sink)

    @property
    def is_away(self) -> bool:
        """Whether the last that was sent was not taken."""
        return self._away_since is not None

    def went_away(self, error: BaseException) -> None:
        """What was sent was not taken and will be sent again."""
        self._retried.inc()
        if self._away_since is None:
            self._away_since = time.monotonic()
            self._away.set(1)
            _log.warning("sink_away sink=%s error=%s", self._sink, error)

    def came_back(self, rows: int) -> None:
        """Something was taken; so many rows had waited for it."""
        if self._away_since is not None:
            seconds = time.monotonic() - self._away_since
            self._away_since = None
            self._away.set(0)
            _log.warning("sink_back sink=%s seconds=%.1f rows=%d", self._sink, seconds, rows)

    def waiting(self, in_memory: int, on_disk: int, disk_bytes: int, since: float | None) -> None:
        """How many rows wait where, and since when (Unix time)."""
        self._buffered.set(in_memory)
        self._rows.set(on_disk)
        self._bytes.set(disk_bytes)
        self._waited.set(max(0.0, time.time() - since) if since else 0)
