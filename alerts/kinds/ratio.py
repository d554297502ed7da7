"""ratio: what share of the contacts of one window is of some sort, once there are enough of them (semantics 7)."""

from __future__ import annotations

from typing import Any

from alerts.entry import SELECTED, Entry, Verdict
from alerts.kinds.judge import Running
from alerts.kinds.tally import Tally
from alerts.model import Event
from alerts.select import Predicate

AMONG = 1  # the event is one of those that the share is taken of
OF = 2  # it is also of the sort that is looked for


class Ratio:
    """|of| / |among| >= r, where |among| >= at_least.

    Among are the contacts of the window with a selected event that fits `among`; of are those with one that fits
    `of` as well. Further events can lower a share, so it is judged once the clock watermark has passed the event,
    unless the rule is eager.
    """

    def __init__(
        self, of: Predicate, among: Predicate, at_least: int, rungs: list[tuple[float, int]], lazy: bool
    ) -> None:
        self.of = of
        self.among = among
        self.at_least = at_least
        self.rungs = rungs  # (at least this share, level number), highest first
        self.lazy = self.waits = lazy
        self.spare = self.stays_silent = None
        self.least = 1

    def values(self, event: Event) -> tuple[object, ...]:
        """Whether the event is one of those counted, and of the sort looked for, as bits."""
        if not self.among(event):
            return (0,)
        return (AMONG | OF if self.of(event) else AMONG,)

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Share(self, size)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """Whether the entry is of the sort looked for, or only among them."""
        bits: Any = entry[5][0]
        return ("of",) if bits & OF else ("among",) if bits & AMONG else ()


class _Share:
    __slots__ = ("_among", "_of", "_rule", "_size")

    def __init__(self, rule: Ratio, size: int) -> None:
        self._rule = rule
        self._size = size
        self._among = Tally(size)
        self._of = Tally(size)

    def copy(self) -> Running:
        twin = _Share(self._rule, self._size)
        twin._among = self._among.copy()
        twin._of = self._of.copy()
        return twin

    def take(self, entry: Entry) -> None:
        if not entry[4] & SELECTED:
            return
        now = entry[0]
        bits: Any = entry[5][0]
        for tally, bit in ((self._among, AMONG), (self._of, OF)):
            tally.move(now)
            if bits & bit:
                tally.add(now, entry[3])

    def verdict(self, *, settled: bool) -> Verdict | None:
        rule, of, among = self._rule, len(self._of), len(self._among)
        if (rule.lazy and not settled) or among < max(rule.at_least, 1):
            return None
        level = next((level for least, level in rule.rungs if of / among >= least), 0)
        if not level:
            return None
        measures = (("ratio", round(of / among, 4)), ("of", of), ("among", among))
        return Verdict(level, of, measures=measures)
