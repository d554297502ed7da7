"""A queue in front of a server that may be away: first in, first out, bounded, and on the disk when it must be.

Rows go to the server by a thread of their own, so a server that is away or slow holds up nobody else. What it
has not taken when a snapshot is due goes to a file; what does not fit into memory goes there before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_after_delay, stop_any, stop_base, stop_when_event_set

from connectors.journal import DiskFullError
from connectors.metrics import Metrics
from connectors.spool_file import SpoolFile
from connectors.spool_presence import Presence

_log = logging.getLogger("anlan.sinks")

SETTLE_SECONDS = 1.0  # that a full memory waits for a server that answers, before it goes to the disk
SNAPSHOT_SECONDS = 0.01  # that a snapshot does: everybody waits for it, and the disk takes the rows as quickly
CLOSE_SECONDS = 5.0  # that an orderly stop waits for the server
_LOOK_SECONDS = 0.2  # between two looks whether the flow was asked to stop

Item = TypeVar("Item")


@dataclass(frozen=True)
class Bounds:
    """How much goes out at once, and how much may wait where."""

    chunk_rows: int  # this many rows go out at once …
    linger_seconds: float = 0.0  # … fewer this long after the last that went out
    memory_rows: int = 2_000  # more than these wait on the disk; where there is none, the flow waits
    disk_bytes: int = 1_000_000_000  # more than these may not wait: the flow waits


class Server(NamedTuple, Generic[Item]):
    """The other side, as its sink knows it."""

    sink: str  # the label in metrics and logs
    deliver: Callable[[list[Item]], None]  # returns when the server has all of them
    is_transient: Callable[[BaseException], bool]  # whether the same may go well later
    encode: Callable[[list[Item]], bytes]
    decode: Callable[[bytes], list[Item]]
    greet: Callable[[], None] = lambda: None  # returns when it is there; called before anything is sent


class _Piece(Generic[Item]):
    """The rows that are on their way; they have a number once they are on the disk, too."""

    def __init__(self, items: list[Item], since: float, number: int | None) -> None:
        self.items = items
        self.since = since
        self.number = number


class Spool(Generic[Item]):
    """Rows that a server has not taken yet, in their order.

    Delivery: at least once. A row is taken from the spool when the server has it, and `snapshot` says where a
    restart has to go on; rows behind the snapshot come again from the flow.
    On failure: a transient error is tried again without end, with growing, jittered pauses; any other is raised
    to whoever calls next. Without a file an error is final after `patience`, and a snapshot waits for the server.
    A spool belongs to one thread; another one, of its own, delivers.
    """

    def __init__(
        self,
        server: Server[Item],
        bounds: Bounds,
        metrics: Metrics,
        *,
        file: SpoolFile | None = None,
        stop: threading.Event | None = None,
        patience: float = 60.0,
    ) -> None:
        """`stop` is set when the flow is asked to end: nothing waits for room from then on."""
        self._server = server
        self._bounds = bounds
        self._file = file
        self._stop = stop or threading.Event()
        self._presence = Presence(metrics, server.sink, bounds.disk_bytes)
        self._changed = threading.Condition()
        self._rows: list[Item] = []  # in memory, behind everything on the disk
        self._rows_since = 0.0
        self._piece: _Piece[Item] | None = None
        self._started_at = time.monotonic()
        self._hurry = False
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._retrying = self._patient(stop_any() if file else stop_after_delay(patience))
        self._thread = threading.Thread(target=self._run, name=f"spool-{server.sink}", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ the flow's side

    def write(self, items: list[Item], deliver: Callable[[list[Item]], None]) -> None:
        """Deliver at once where nothing waits and the server answers; else the rows wait in the spool.

        `deliver` should give up soon: who calls this is held up for as long.
        """
        with self._changed:
            self._check()
            at_once = self._is_empty() and not self._presence.is_away
        if at_once and self._delivered(items, deliver):
            return
        self.put(items)
        if self._file is None:
            self.flush()

    def _delivered(self, items: list[Item], deliver: Callable[[list[Item]], None]) -> bool:
        try:
            deliver(items)
        except Exception as error:
            if not self._server.is_transient(error):
                raise self._refusal(error) from error
            self._missed(error)
            return False
        return True

    def put(self, items: list[Item]) -> None:
        """Take rows; they go out in the background. Waits only when memory, and then the disk, are full."""
        with self._changed:
            self._check()
            if len(self._rows) + len(items) > self._bounds.memory_rows and not self._is_empty():
                self._make_room()
            before = len(self._rows)
            if not before:
                self._rows_since = time.time()
            self._rows += items
            self._tell()
            if not before or before < self._bounds.chunk_rows <= len(self._rows):
                self._changed.notify_all()  # in between the other thread knows when to look: waking it costs the flow

    def flush(self) -> None:
        """Wait until the server has everything, or raise."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            self._wait(self._is_empty)
            self._hurry = False

    def snapshot(self) -> bytes | None:
        """What a restart goes on from. Waits for no server that is away; without a file for any."""
        if self._file is None:
            self.flush()
            return None
        with self._changed:
            self._check()
            self._settle(self._is_empty, SNAPSHOT_SECONDS)
            self._spill()
            return self._file.pointer()

    def close(self) -> bool:
        """Deliver what can be delivered in a short time, and end; whether nothing is under way any more."""
        try:
            with self._changed:
                self._hurry = True
                self._changed.notify_all()
                self._wait(self._is_empty, CLOSE_SECONDS if self._file else None)
        finally:
            self.abandon()
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """End at once; what waits in memory is lost, as in a crash."""
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(1.0)  # it may be in the middle of a call to a server that hangs; the process ends anyway
        if self._file is not None and not self._thread.is_alive():
            self._file.close()

    def _make_room(self) -> None:
        """Wait until there is room for more rows; a server that answers gets some time before the disk is used."""
        self._settle(self._has_memory)
        if self._file is None:
            return self._wait(self._has_memory)
        if self._has_memory():
            return None
        self._spill()
        if self._file.bytes >= self._bounds.disk_bytes and not self._stop.is_set():
            _log.warning("spool_full sink=%s bytes=%d the flow waits", self._server.sink, self._file.bytes)
            self._wait(lambda: self._disk_rows_fit() or self._stop.is_set())
            _log.warning("spool_has_room sink=%s bytes=%d", self._server.sink, self._file.bytes)
        return None

    def _has_memory(self) -> bool:
        return len(self._rows) < self._bounds.memory_rows

    def _disk_rows_fit(self) -> bool:
        return self._file is None or self._file.bytes < self._bounds.disk_bytes

    def _settle(self, done: Callable[[], bool], seconds: float = SETTLE_SECONDS) -> None:
        """Give a server that keeps up a moment to take what is in memory."""
        self._hurry = True
        self._changed.notify_all()
        until = time.monotonic() + seconds
        while not done() and self._keeps_up() and (left := until - time.monotonic()) > 0:
            self._changed.wait(min(left, _LOOK_SECONDS))
            self._check()
        self._hurry = False

    def _keeps_up(self) -> bool:
        return not self._presence.is_away and (self._file is None or not self._file.rows)

    def _spill(self) -> None:
        """Put everything that is in memory on the disk, in its order."""
        while unsaved := self._unsaved():
            items, since = unsaved
            number = self._append(items, since)
            if number and self._piece and not self._piece.number:
                self._piece.number = number
            elif number:
                del self._rows[: len(items)]
        self._tell()

    def _unsaved(self) -> tuple[list[Item], float] | None:
        """The next rows that are in memory alone, and since when they wait."""
        if self._piece and not self._piece.number:
            return self._piece.items, self._piece.since
        return (self._rows[: self._bounds.chunk_rows], self._rows_since) if self._rows else None

    def _append(self, items: list[Item], since: float) -> int | None:
        """The number of the new frame; None after a wait for room on the disk, where everything may have changed."""
        assert self._file is not None
        try:
            return self._file.append(since, len(items), self._server.encode(items))
        except DiskFullError as error:
            if self._stop.is_set():
                raise
            _log.error("spool_disk_full sink=%s error=%s the flow waits", self._server.sink, error)
            self._changed.wait(1.0)
            self._check()
            return None

    def _wait(self, done: Callable[[], bool], seconds: float | None = None) -> None:
        until = None if seconds is None else time.monotonic() + seconds
        self._check()
        while not done() and (until is None or time.monotonic() < until):
            self._changed.wait(_LOOK_SECONDS)
            self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._refusal(self._error) from self._error

    def _refusal(self, error: BaseException) -> RuntimeError:
        return RuntimeError(
            f"{self._server.sink} must take its rows; got `{error}`; mend it and start again, the last epoch is kept"
        )

    @property
    def is_away(self) -> bool:
        """Whether the last that was sent was not taken."""
        return self._presence.is_away

    def _is_empty(self) -> bool:
        return not self._rows and self._piece is None and (self._file is None or not self._file.rows)

    # ------------------------------------------------------------ the server's side

    def _run(self) -> None:
        try:
            self._retrying(self._server.greet)
            self._answered(0)
            while (piece := self._next()) is not None:
                self._retrying(self._server.deliver, piece.items)
                self._done(piece)
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _next(self) -> _Piece[Item] | None:
        """What waits longest, once it is due; None at the end."""
        with self._changed:
            while not self._ended.is_set() and (pause := self._pause()) != 0:
                self._changed.wait(pause)
            if self._ended.is_set():
                return None
            self._started_at = time.monotonic()
            self._piece = self._from_disk() or self._from_memory()
            self._tell()
            return self._piece

    def _pause(self) -> float | None:
        """Seconds until something is due; None while nothing waits."""
        if self._file is not None and self._file.rows:
            return 0
        if not self._rows:
            return None
        if self._hurry or len(self._rows) >= self._bounds.chunk_rows:
            return 0
        return max(0.0, self._started_at + self._bounds.linger_seconds - time.monotonic())

    def _from_disk(self) -> _Piece[Item] | None:
        frame = self._file.first() if self._file is not None else None
        return frame and _Piece(self._server.decode(frame.body), frame.since, frame.number)

    def _from_memory(self) -> _Piece[Item]:
        items = self._rows[: self._bounds.chunk_rows]
        del self._rows[: len(items)]
        return _Piece(items, self._rows_since, None)

    def _done(self, piece: _Piece[Item]) -> None:
        with self._changed:
            if piece.number and self._file is not None:
                self._file.taken(piece.number)
            self._piece = None
            self._answered(len(piece.items))

    def _answered(self, taken: int) -> None:
        """The server is there, and has taken so many rows."""
        with self._changed:
            self._presence.came_back(taken + len(self._rows) + (self._file.rows if self._file else 0))
            self._tell()
            self._changed.notify_all()

    def _patient(self, stop: stop_base) -> Retrying:
        def before_sleep(state: RetryCallState) -> None:
            if state.outcome is not None and (error := state.outcome.exception()):
                self._missed(error)

        return Retrying(
            retry=retry_if_exception(self._server.is_transient),
            wait=wait_random_exponential(multiplier=0.05, max=5),
            stop=stop_any(stop, stop_when_event_set(self._ended)),
            sleep=sleep_using_event(self._ended),
            before_sleep=before_sleep,
            reraise=True,
        )

    def _missed(self, error: BaseException) -> None:
        with self._changed:
            self._presence.went_away(error)
            self._tell()
            self._changed.notify_all()

    def _tell(self) -> None:
        piece, file = self._piece, self._file
        in_memory = len(self._rows) + (len(piece.items) if piece and not piece.number else 0)
        since = piece.since if piece else self._rows_since if self._rows else None
        self._presence.waiting(in_memory, file.rows if file else 0, file.bytes if file else 0, since)
