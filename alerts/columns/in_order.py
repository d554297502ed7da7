"""Events of several sources into one order: each waits until no older one can come."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alerts.columns.arrays import MOST, Column, Ints, order_by
from alerts.model import ALWAYS, NEVER


class Batch(NamedTuple):
    """Some events: when each happened, and what else is known of them, a column each."""

    time: Ints
    columns: tuple[Column, ...]

    def rows(self, which: Column) -> Batch:
        """Those at some places, or under a mask."""
        places = np.flatnonzero(which) if which.dtype == bool else which
        return Batch(self.time.take(places), tuple(column.take(places) for column in self.columns))

    def split(self, share: Ints, shares: int) -> list[Batch]:
        """A batch for each share in `[0, shares)`; `share` says to which each event belongs."""
        return [self] if shares == 1 else [self.rows(share == each) for each in range(shares)]

    def __len__(self) -> int:
        return len(self.time)


def joined(batches: list[Batch]) -> Batch:
    """Several as one; at least one."""
    if len(batches) == 1:
        return batches[0]
    columns = zip(*(batch.columns for batch in batches), strict=True)
    return Batch(np.concatenate([batch.time for batch in batches]), tuple(map(np.concatenate, columns)))


class InOrder:
    """Gives events in the order of their times, and those that are late apart.

    A source is waited for until it has shown something, and until it has ended. Its own watermark is the greatest
    time that it has shown less the lateness; the watermark of all is the least of them.
    """

    def __init__(self, sources: int, lateness: int) -> None:
        self._lateness = lateness
        self._shown = [NEVER] * sources
        self._waiting: list[_Waiting] = []
        self.watermark = NEVER  # up to and including it everything is given

    def take(self, source: int, batch: Batch) -> Batch | None:
        """Some events of a source, in any order. Those that are late, or None."""
        if not len(batch):
            return None
        self._shown[source] = max(self._shown[source], int(batch.time.max()))
        late = None
        if int(batch.time.min()) <= self.watermark:
            is_late = batch.time <= self.watermark
            late, batch = batch.rows(is_late), batch.rows(~is_late)
        self._wait(batch)
        return late

    def end(self, source: int) -> None:
        """Nothing more will come from a source."""
        self._shown[source] = ALWAYS

    def release(self, most: int = MOST) -> Batch | None:
        """Everything up to the watermark, in the order of its times; None if that is nothing.

        Where that is more than `most` the rest waits for the next time, but what has the same time stays together.
        """
        passed = max(self.watermark, min(self._shown) - self._lateness)
        if not self._waiting or passed == self.watermark:
            return None
        self.watermark = passed = self._passed_by(most, passed)
        ready = [waiting.batch for waiting in self._waiting if waiting.oldest <= passed]
        if not ready:
            return None
        self._waiting = [waiting for waiting in self._waiting if waiting.oldest > passed]
        batch = joined(ready)
        is_ready = batch.time <= passed
        self._wait(batch.rows(~is_ready))
        places = np.flatnonzero(is_ready)
        return batch.rows(places[order_by(batch.time[places] - batch.time.min())])

    def _wait(self, batch: Batch) -> None:
        if len(batch):
            self._waiting.append(_Waiting(int(batch.time.min()), batch))

    def _passed_by(self, most: int, passed: int) -> int:
        """How far at most so many events reach: `passed` if they are no more."""
        times = [waiting.batch.time for waiting in self._waiting if waiting.oldest <= passed]
        if sum(map(len, times)) <= most:
            return passed
        time = np.concatenate(times)
        time = time[time <= passed]
        if len(time) <= most:
            return passed
        return max(int(np.partition(time, most)[most]) - 1, int(time.min()))


class _Waiting(NamedTuple):
    """Events that came together, and the time of the oldest: what is young as a whole is not looked at again."""

    oldest: int
    batch: Batch
