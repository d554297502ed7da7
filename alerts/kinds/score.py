"""score: weighted cues of a key in one window, each capped, a ladder on their sum (semantics 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alerts.entry import SELECTED, Entry, Verdict
from alerts.kinds.count import Rungs, rung
from alerts.kinds.judge import Running
from alerts.kinds.tally import Tally
from alerts.model import Event
from alerts.select import Predicate


@dataclass(frozen=True, slots=True)
class Weight:
    """One cue: what each contact that shows it is worth, and how much it may add up to."""

    name: str
    shows: Predicate
    points: int
    cap: int | None = None

    def worth(self, contacts: int) -> int:
        """The points of so many contacts."""
        return self.points * contacts if self.cap is None else min(self.cap, self.points * contacts)


class Score:
    """The sum over the cues of `min(cap, points x contacts that show it)`; points are positive, so it only grows."""

    lazy = waits = False
    spare = stays_silent = None
    least = 1

    def __init__(self, weights: list[Weight], rungs: Rungs) -> None:
        self.weights = weights
        self.rungs = rungs

    def values(self, event: Event) -> tuple[object, ...]:
        """Which cues the event shows, as a bit mask."""
        return (sum(1 << number for number, weight in enumerate(self.weights) if weight.shows(event)),)

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Sum(self, size)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """The cues that the entry shows."""
        mask: Any = entry[5][0]
        return tuple(weight.name for number, weight in enumerate(self.weights) if mask >> number & 1)


class _Sum:
    __slots__ = ("_contacts", "_rule", "_shown", "_size")

    def __init__(self, rule: Score, size: int) -> None:
        self._rule = rule
        self._size = size
        self._contacts = Tally(size)
        self._shown = [Tally(size) for _ in rule.weights]

    def copy(self) -> Running:
        twin = _Sum(self._rule, self._size)
        twin._contacts = self._contacts.copy()
        twin._shown = [tally.copy() for tally in self._shown]
        return twin

    def take(self, entry: Entry) -> None:
        if not entry[4] & SELECTED:
            return
        now, contact = entry[0], entry[3]
        mask: Any = entry[5][0]
        self._contacts.move(now)
        self._contacts.add(now, contact)
        for number, tally in enumerate(self._shown):
            tally.move(now)
            if mask >> number & 1:
                tally.add(now, contact)

    def verdict(self, *, settled: bool) -> Verdict | None:
        rule = self._rule
        parts = {
            weight.name: weight.worth(len(tally))
            for weight, tally in zip(rule.weights, self._shown, strict=True)
            if len(tally)
        }
        score = sum(parts.values())
        level = rung(rule.rungs, score)
        if not level:
            return None
        measures = (("score", score), ("parts", parts))
        return Verdict(level, len(self._contacts), branches=tuple(sorted(parts)), measures=measures)
