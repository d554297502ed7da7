"""Ticks: the clock of the intake log goes on when nobody calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event as Flag

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from alerts.model import ReadUp, Tick, from_us
from connectors.arrival_stamps import Clock

EVERY_SECOND = timedelta(seconds=1)


class TickSource(FixedPartitionedSource[Tick | ReadUp, None]):
    """Say each second that time passes, so that the log's clock moves when nobody calls.

    Says as well which channels' queues are read to their ends, whenever that is another answer than before.

    Parallel by: nothing; one partition `ticks`.
    Delivery: at most once; a tick that is lost in a crash is followed by another.
    On failure: cannot fail.
    """

    def __init__(
        self,
        clock: Clock,
        stop: Flag | None = None,
        every: timedelta = EVERY_SECOND,
        read_up: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        """`read_up` names the channels whose queues are read to their ends now."""
        self._clock = clock
        self._read_up = read_up
        self._stop = stop or Flag()
        self._every_us = every // timedelta(microseconds=1)

    def list_parts(self) -> list[str]:
        return ["ticks"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _TickPart:
        return _TickPart(self._clock, self._stop, self._every_us, self._read_up)


class _TickPart(StatefulSourcePartition[Tick | ReadUp, None]):
    def __init__(self, clock: Clock, stop: Flag, every_us: int, read_up: Callable[[], tuple[str, ...]]) -> None:
        self._clock = clock
        self._stop = stop
        self._every_us = every_us
        self._last_us = 0
        self._read_up = read_up
        self._told: tuple[str, ...] = ()

    def next_batch(self) -> list[Tick | ReadUp]:
        if self._stop.is_set():
            raise StopIteration
        now_us = self._clock()
        if 0 <= now_us - self._last_us < self._every_us:
            return []
        self._last_us = now_us
        tick = Tick(from_us(now_us))
        if (told := self._read_up()) == self._told:
            return [tick]
        self._told = told
        return [ReadUp(now_us, told), tick]

    def next_awake(self) -> datetime:
        # never far away: an engine step that sleeps holds up everybody's snapshot
        return datetime.now(UTC) + timedelta(milliseconds=5)

    def snapshot(self) -> None:
        return None
