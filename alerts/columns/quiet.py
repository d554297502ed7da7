"""Once a key has spoken it is quiet for a while."""

from __future__ import annotations

import numpy as np

from alerts.columns.arrays import Ints, Mask, firsts, grown
from alerts.model import NEVER


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
        spoken = [np.empty(0, np.int64)]
        for said in firsts(np.arange(len(time)), key, lambda rows: self.awake(time[rows], key[rows])):
            self._last[key[said]] = time[said]
            spoken.append(said)
        return np.sort(np.concatenate(spoken))
