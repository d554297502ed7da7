"""The running window of one track, and earlier states of it for events that come out of order."""

from __future__ import annotations

from alerts.entry import SELECTED, Entry, Verdict, window_start
from alerts.kinds.judge import Judge, Running

KEEP_ABOVE = 16  # a short window is filled again faster than a million of them are kept
KEPT_EVERY = 64
KEPT_AT_MOST = 8


class Windows:
    """Judges the entries of a track one after the other; each is one step where they come in order.

    Every so many entries a copy is kept. An entry that is put into its place further back makes what was judged
    after it void, and the window goes on from the last copy before it. Where none is ever put further back,
    `only_on`, there are no copies.
    """

    __slots__ = ("_kept", "_only_on", "_size", "_start", "_taken", "_window")

    def __init__(self, judge: Judge, size: int, only_on: bool = False) -> None:
        self._start = judge.start
        self._size = size
        self._only_on = only_on
        self._window: Running | None = None
        self._taken = 0  # how many entries the window has seen
        self._kept: list[tuple[Running, int]] = []

    def judge(self, entries: list[Entry], index: int, *, settled: bool) -> Verdict | None:
        """The verdict on entry `index`, which may be any; the next one is cheapest."""
        window = self._filled(entries, index)
        window.take(entries[index])
        if len(entries) > KEEP_ABOVE:
            self._keep(window, index + 1)
        return window.verdict(settled=settled) if entries[index][4] & SELECTED else None

    def before(self, entries: list[Entry], index: int) -> Running:
        """The window with everything before entry `index` in it, to be looked at."""
        window = self._filled(entries, index)
        if len(entries) > KEEP_ABOVE:
            self._keep(window, index)
        return window

    def changed(self, place: int) -> None:
        """Entries are other ones from `place` on."""
        if self._taken > place:
            self._window = None
        while self._kept and self._kept[-1][1] > place:
            self._kept.pop()

    def pruned(self, count: int) -> None:
        """The first entries are gone; no window of an entry still to be judged reaches them."""
        self._kept = [(window, taken - count) for window, taken in self._kept if taken > count]
        self._taken -= count
        if self._taken <= 0:
            self._window = None

    def _filled(self, entries: list[Entry], index: int) -> Running:
        """The window with everything before entry `index` in it."""
        if self._window is not None and self._taken == index:
            return self._window
        self._window = None
        while self._kept and self._kept[-1][1] > index:
            self._kept.pop()
        if self._kept:
            kept, taken = self._kept[-1]
            window = kept.copy()
        else:
            window, taken = self._start(self._size), window_start(entries, index, self._size)
        for place in range(taken, index):
            window.take(entries[place])
        return window

    def _keep(self, window: Running, taken: int) -> None:
        self._window = window
        self._taken = taken
        if self._only_on:
            return
        if taken - (self._kept[-1][1] if self._kept else 0) >= KEPT_EVERY:
            self._kept.append((window.copy(), taken))
            del self._kept[:-KEPT_AT_MOST]
