"""Once a key has spoken it is quiet for a while."""

from __future__ import annotations

import numpy as np

from alerts.columns.arrays import NEVER, Ints, Mask, grown


class Quiet:
    """Of the events that may speak, those that do: no two of one key less than `size` apart."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._last = np.full(1024, NEVER)  # by key, when it spoke last

    def awake(self, time: Ints, key: Ints) -> Mask:
        """Which events are not in the quiet time of what has been said so far: a cheap look ahead of `take`."""
        self._last = grown(self._last, int(key.max(initial=-1)) + 1, NEVER)
        is_awake: Mask = time - self._last[key] >= self._size
        return is_awake

    def take(self, time: Ints, key: Ints) -> Ints:
        """The places of those that speak, in order, of events that may; given in the order of their times."""
        spoken: list[Ints] = []
        rows = np.flatnonzero(self.awake(time, key))
        while len(rows):
            _, first = np.unique(key[rows], return_index=True)
            said = rows[first]
            self._last[key[said]] = time[said]
            spoken.append(said)
            rows = rows[self.awake(time[rows], key[rows])]
        return np.sort(np.concatenate(spoken)) if spoken else rows
