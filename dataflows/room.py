"""Room on the disk of the state: while there is none the flow waits; nothing is lost, and it goes on by itself."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_when_event_set, wait_random_exponential
from tenacity.nap import sleep_using_event

from connectors.journal import DiskFullError
from connectors.metrics import Metrics

FLOOR_BYTES = 64 * 1024 * 1024  # the engine's own store dies of a full disk, so there must be room for it as well

Answer = TypeVar("Answer")

_log = logging.getLogger("anlan.state")


class Room:
    """Calls what writes to the disk, as often as it takes. Raises `DiskFullError` only once `stop` is set.

    A flow that cannot keep its state must not go on: what it did would be done again after a crash, and not be
    known. So it holds here; the intake's rows wait in their topics meanwhile.
    """

    def __init__(
        self,
        folder: Path,
        stop: threading.Event,
        metrics: Metrics,
        floor_bytes: int = FLOOR_BYTES,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder = folder
        self._stop = stop
        self._metrics = metrics
        self._floor_bytes = floor_bytes
        self._free = free
        self._full_since = 0.0

    def __call__(self, write: Callable[[], Answer]) -> Answer:
        """What `write` answers, once there is room for it."""
        retrying = Retrying(
            retry=retry_if_exception_type(DiskFullError),
            wait=wait_random_exponential(multiplier=0.1, max=5),
            stop=stop_when_event_set(self._stop),
            sleep=sleep_using_event(self._stop),
            before_sleep=self._hold,
            reraise=True,
        )
        answer: Answer = retrying(self._write, write)
        self._release()
        return answer

    def _write(self, write: Callable[[], Answer]) -> Answer:
        free = self._free(self._folder)
        self._metrics.disk_left.set(free)
        if free < self._floor_bytes:
            raise DiskFullError(f"the disk must have {self._floor_bytes} bytes left; got {free} ({self._folder})")
        return write()

    def _hold(self, tried: RetryCallState) -> None:
        if not self._full_since:
            self._full_since = time.monotonic()
            self._metrics.disk_filled.set(1)
            error = tried.outcome and tried.outcome.exception()
            _log.error("disk_full the flow waits until there is room, nothing is lost; %s", error)

    def _release(self) -> None:
        if self._full_since:
            _log.warning("disk_has_room seconds=%.1f", time.monotonic() - self._full_since)
            self._metrics.disk_filled.set(0)
            self._full_since = 0.0
