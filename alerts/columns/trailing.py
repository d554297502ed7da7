"""The window that ends with each event: how many events of its key are in it, and of which kinds."""

from __future__ import annotations

import numpy as np

from alerts.columns.arrays import Column, Ints, Mask, order_by, packed


class Trailing:
    """Keeps the events of the last `size`; an event's window is `(time - size, time]`, itself included.

    Of events of one key at the same instant each sees those that were given before it, and itself.
    """

    def __init__(self, size: int, kinds: int = 1) -> None:
        self.size = size
        self.kinds = kinds
        self._key = np.empty(0, np.int64)  # of the events that are kept, by key and then time
        self._time = np.empty(0, np.int64)
        self._kind = np.empty(0, np.int8)

    def take(self, time: Ints, key: Ints, kind: Column) -> Windows:
        """The windows of some events, which are not before those that were given earlier."""
        if not len(time):
            return Windows(self, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8))
        first, last = int(time[0]), int(time[-1])
        base, span = first - 2 * self.size, last - first + 2 * self.size + 1
        kept = self._time > first - self.size
        old = packed(self._key[kept], self._time[kept], base, span)
        new = packed(key, time, base, span)
        order = order_by(key)
        place = np.searchsorted(old, new[order], side="right") + np.arange(len(new))
        is_old = np.ones(len(old) + len(new), bool)
        is_old[place] = False
        was = np.flatnonzero(is_old)
        ordered = _merged(old, was, new[order], place)
        self._key = _merged(self._key[kept], was, key[order], place)
        self._time = _merged(self._time[kept], was, time[order], place)
        self._kind = _merged(self._kind[kept], was, kind[order].astype(np.int8), place)
        at = np.empty_like(place)
        at[order] = place
        return Windows(self, ordered, at, self._kind)


class Windows:
    """The windows of the events of one batch, asked by their places in it; valid until the next batch."""

    def __init__(self, trailing: Trailing, ordered: Ints, at: Ints, kind: Column) -> None:
        self._size = trailing.size
        self._kinds = trailing.kinds
        self._ordered = ordered
        self._at = at
        self._kind = kind
        self._bits = (len(kind) + 1).bit_length()  # for a count of one kind
        self._field = (1 << self._bits) - 1
        self._fields = 63 // self._bits  # kinds that are counted in one number
        self._passed: list[tuple[int, Ints]] | None = None

    def reach(self, least: int) -> Mask:
        """Which events have at least `least` events in their window: one look each."""
        back = self._at - (least - 1)
        ordered = self._ordered
        return (back >= 0) & (ordered[np.maximum(back, 0)] > ordered[self._at] - self._size)

    def count(self, rows: Ints) -> Ints:
        """How many events are in the windows of these."""
        return self._at[rows] - self._begin(rows) + 1

    def kinds_of(self, rows: Ints) -> Ints:
        """Which kinds are in the windows of these, as bits: kind 0 is 1, kind 1 is 2, …"""
        begin, end = self._begin(rows), self._at[rows] + 1
        found = np.zeros(len(rows), np.int64)
        for first, passed in self._passed_by_kind():
            inside = passed[end] - passed[begin]
            for place in range(self._fields):
                found |= ((inside >> (place * self._bits)) & self._field > 0).astype(np.int64) << (first + place)
        return found

    def _begin(self, rows: Ints) -> Ints:
        return np.searchsorted(self._ordered, self._ordered[self._at[rows]] - self._size, side="right")

    def _passed_by_kind(self) -> list[tuple[int, Ints]]:
        """For each place how many of each kind stand before it: several kinds in one number, and the first of them."""
        if self._passed is None:
            self._passed = []
            for first in range(0, self._kinds, self._fields):
                place = np.arange(self._kinds) - first
                is_here = (place >= 0) & (place < self._fields)
                one = np.where(is_here, 1 << (place * is_here * self._bits), 0)
                passed = np.zeros(len(self._kind) + 1, np.int64)
                np.cumsum(one[self._kind], out=passed[1:])
                self._passed.append((first, passed))
        return self._passed


def _merged(old: Column, was: Ints, new: Column, place: Ints) -> Column:
    """Each at its place."""
    merged = np.empty(len(old) + len(new), old.dtype)
    merged[was] = old
    merged[place] = new
    return merged
