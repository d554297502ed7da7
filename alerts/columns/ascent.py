"""Steps that follow one another for a key, none at a lower level than the one before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alerts.columns.arrays import Column, Ints, firsts, grown, heads, order_by
from alerts.model import NEVER


class Ascents(NamedTuple):
    """The events that complete an ascent: their places in the batch, in order, and when each ascent began."""

    rows: Ints
    began: Ints


class Ascent:
    """Finds events of the last step that have an event of every step before them, in order, within `size`.

    Levels must not fall from step to step. What an ascent is made of, and everything of its key before its end, is
    used up: the next one begins anew. `began` is the latest beginning that the ascent can have. Of events of one key
    at the same instant the one that was given first is before the other.
    """

    def __init__(self, steps: int, levels: int, size: int) -> None:
        """Steps and levels are counted from 0; `size` is the longest time from the first to the last step."""
        if steps < 2:
            raise ValueError(f"an ascent must have at least 2 steps; got {steps}")
        self._levels = levels
        self._size = size
        # for each step but the last, by key and level: the latest beginning of what reaches it at this level or below
        self._reached = [np.full((1024, levels), NEVER) for _ in range(steps - 1)]
        self._used = np.full(1024, NEVER)  # by key: everything up to then is used up

    def take(self, time: Ints, key: Ints, step: Column, level: Column) -> Ascents:
        """The ascents that some events complete, which are not before those that were given earlier."""
        if not len(time):
            return Ascents(np.empty(0, np.int64), np.empty(0, np.int64))
        self._grow(int(key.max()) + 1)
        order = order_by(key)
        time, key, step, level = time[order], key[order], step[order], level[order]
        oldest = int(time.min()) - self._size  # what began earlier is over
        began = time
        for number, reached in enumerate(self._reached):
            came = _Reached(key, np.where(step == number, began, NEVER), level, oldest, reached)
            following = np.flatnonzero(step == number + 1)
            began = np.full(len(time), NEVER)
            began[following] = came.before(following, level[following])
            came.keep()
        last = np.flatnonzero((step == len(self._reached)) & (began >= time - self._size))
        found = self._unused(last, time, key, began)
        found = found[np.argsort(order[found])]
        return Ascents(order[found], began[found])

    def _unused(self, rows: Ints, time: Ints, key: Ints, began: Ints) -> Ints:
        """Of the ascents those that are made of nothing used up; each uses up what was before it."""
        found = [np.empty(0, np.int64)]
        for ends in firsts(rows, key, lambda rows: began[rows] > self._used[key[rows]]):
            self._used[key[ends]] = time[ends]
            found.append(ends)
        return np.concatenate(found)

    def _grow(self, keys: int) -> None:
        self._reached = [grown(reached, keys, NEVER) for reached in self._reached]
        self._used = grown(self._used, keys, NEVER)


class _Reached:
    """How far each key has come by one step, place by place: the latest beginning, at each level or below."""

    def __init__(self, key: Ints, began: Ints, level: Column, oldest: int, kept: Column) -> None:
        """In the order of the keys; `began` is NEVER for events of other steps; `kept` is of earlier batches."""
        self._key = key
        self._kept = kept
        run = np.cumsum(heads(key))
        span = max(int(began.max()) - oldest, 0) + 2
        self._none = run * span  # a run of its own for each key, so that one pass over all keeps them apart
        self._since = oldest - 1
        own = np.where(began >= oldest, self._none + (began - self._since), self._none)
        self._best = np.stack(
            [np.maximum.accumulate(np.where(level <= each, own, self._none)) for each in range(kept.shape[1])], axis=1
        )

    def before(self, rows: Ints, level: Column) -> Ints:
        """The latest beginning that an event of some level may follow, of what came before each of these places."""
        found = self._kept[self._key[rows], level]
        same = (rows > 0) & (self._key[rows - 1] == self._key[rows])
        behind, level = rows[same] - 1, level[same]
        found[same] = np.maximum(found[same], self._began(self._best[behind, level], self._none[behind]))
        return found

    def keep(self) -> None:
        """What the batch has reached stands for the batches to come."""
        ends = np.flatnonzero(np.append(self._key[1:] != self._key[:-1], True))
        ends = ends[self._best[ends, -1] > self._none[ends]]
        key = self._key[ends]
        came = self._began(self._best[ends], self._none[ends, np.newaxis])
        self._kept[key] = np.maximum(self._kept[key], came)

    def _began(self, best: Ints, none: Ints) -> Ints:
        passed = best - none
        return np.where(passed > 0, passed + self._since, NEVER)
