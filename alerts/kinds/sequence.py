"""sequence: named steps in order, other events between them allowed (semantics 4)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from alerts.entry import RESETS, SELECTED, Entry, Verdict
from alerts.kinds.judge import Running
from alerts.kinds.tally import Tally
from alerts.model import Event
from alerts.select import Predicate


@dataclass(frozen=True, slots=True)
class Step:
    """One named step: an event set, of which `least` must come."""

    name: str
    matches: Predicate
    least: int = 1


# for one step that is half or fully walked: (start of the walk, end of the walk), event times
Walk = tuple[int, int]


class Sequence:
    """Steps S1 ... Sn with the first and last at most `within` apart, neighbours at most `gap_max`.

    Of several matches the latest-starting one is taken; a match does not consume its events. Rungs are on the
    number of steps walked, so a rule may warn half-way.
    """

    def __init__(
        self, steps: list[Step], rungs: list[tuple[int, int]], within: int, gap_max: int | None, lazy: bool
    ) -> None:
        self.steps = steps
        self.rungs = rungs
        self.within = within
        self.gap_max = gap_max
        self.lazy = self.waits = lazy
        self.spare = self.stays_silent = None
        first = min((steps for steps, _ in rungs), default=1)
        self.least = sum(step.least for step in steps[:first])  # one event fills one place of a walk
        # a step with `least` m is m places in a row of the same event set
        self.places = [number for number, step in enumerate(steps) for _ in range(step.least)]

    def values(self, event: Event) -> tuple[object, ...]:
        """Which steps the event can be, as a bit mask."""
        return (sum(1 << number for number, step in enumerate(self.steps) if step.matches(event)),)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """The steps that the entry can be."""
        mask = entry[5][0]
        return tuple(step.name for number, step in enumerate(self.steps) if mask >> number & 1)  # type: ignore[operator]

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Walking(self, size)


class _Walking:
    """For each place the walks that end there, latest end last.

    Of two walks the one that ends later and starts no earlier is the better one in every way, so only walks that
    start later the earlier they end are kept: the first that is near enough is the latest-starting one.
    """

    __slots__ = ("_completed", "_contacts", "_rule", "_size", "_span", "_walks")

    def __init__(self, rule: Sequence, size: int) -> None:
        self._rule = rule
        self._size = size
        self._span = min(rule.within, size - 1)  # an event exactly one window old is out
        self._contacts = Tally(size)
        self._walks: list[deque[Walk]] = [deque() for _ in rule.places]
        self._completed: tuple[int, int] | None = None  # (steps that the newest entry completes, their span)

    def copy(self) -> Running:
        twin = _Walking(self._rule, self._size)
        twin._contacts = self._contacts.copy()
        twin._walks = [walks.copy() for walks in self._walks]
        twin._completed = self._completed
        return twin

    def take(self, entry: Entry) -> None:
        if entry[4] & RESETS:
            for walks in self._walks:
                walks.clear()
        if not entry[4] & SELECTED:
            return
        now = entry[0]
        self._contacts.move(now)
        self._contacts.add(now, entry[3])
        self._completed = None
        mask: Any = entry[5][0]
        places = self._rule.places
        for place in range(len(places) - 1, -1, -1):  # backwards: one event fills one place of a walk
            if mask >> places[place] & 1:
                self._step(place, now)

    def verdict(self, *, settled: bool) -> Verdict | None:
        """A verdict where the newest entry completes a step that a rung names."""
        rule = self._rule
        if self._completed is None or (rule.lazy and not settled):
            return None
        steps, span = self._completed
        level = max((level for least, level in rule.rungs if steps >= least), default=0)
        if not level:
            return None
        return Verdict(
            level,
            len(self._contacts),
            steps=steps,
            path=tuple(step.name for step in rule.steps[:steps]),
            measures=(("span_seconds", span // 1_000_000),),
        )

    def _step(self, place: int, now: int) -> None:
        began = self._began(place, now)
        if began is None:
            return
        walks = self._walks[place]
        while walks and walks[-1][0] <= began:
            walks.pop()
        walks.append((began, now))
        places = self._rule.places
        is_last_of_step = place + 1 == len(places) or places[place + 1] != places[place]
        if is_last_of_step and self._completed is None:
            self._completed = (places[place] + 1, now - began)

    def _began(self, place: int, now: int) -> int | None:
        """The latest start of a walk that this event can continue at `place`."""
        if place == 0:
            return now
        rule, walks = self._rule, self._walks[place - 1]
        if rule.gap_max is not None and rule.places[place] != rule.places[place - 1]:
            while walks and walks[0][1] < now - rule.gap_max:
                walks.popleft()
        return walks[0][0] if walks and walks[0][0] >= now - self._span else None
