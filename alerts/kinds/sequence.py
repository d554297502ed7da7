"""sequence: named steps in order, other events between them allowed (semantics 4)."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.entry import RESETS, SELECTED, Entry, Verdict, contacts
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
        self.lazy = lazy
        # a step with `least` m is m places in a row of the same event set
        self.places = [number for number, step in enumerate(steps) for _ in range(step.least)]

    def values(self, event: Event) -> tuple[object, ...]:
        """Which steps the event can be, as a bit mask."""
        return (sum(1 << number for number, step in enumerate(self.steps) if step.matches(event)),)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """The steps that the entry can be."""
        mask = entry[5][0]
        return tuple(step.name for number, step in enumerate(self.steps) if mask >> number & 1)  # type: ignore[operator]

    def judge(
        self, entries: list[Entry], start: int, end: int, *, settled: bool, linked: bool
    ) -> Verdict | None:
        """A verdict where entry `end` completes a step that a rung names."""
        if self.lazy and not settled:
            return None
        walked = self._walk(entries, start, end)
        if walked is None:
            return None
        steps, span = walked
        level = max((level for least, level in self.rungs if steps >= least), default=0)
        if not level:
            return None
        return Verdict(
            level,
            contacts(entries, start, end, linked),
            steps=steps,
            path=tuple(step.name for step in self.steps[:steps]),
            measures=(("span_seconds", span // 1_000_000),),
        )

    def _walk(self, entries: list[Entry], start: int, end: int) -> tuple[int, int] | None:
        """(steps completed by entry `end`, span of the shortest such walk), or None if it completes none."""
        walks: list[list[Walk]] = [[] for _ in self.places]
        completed: tuple[int, int] | None = None
        for index in range(start, end + 1):
            entry = entries[index]
            if entry[4] & RESETS:
                walks = [[] for _ in self.places]
            if entry[4] & SELECTED:
                completed = self._take(entry, walks)
        return completed

    def _take(self, entry: Entry, walks: list[list[Walk]]) -> tuple[int, int] | None:
        now = entry[0]
        mask = entry[5][0]
        completed = None
        for place in range(len(self.places) - 1, -1, -1):  # backwards: one event fills one place of a walk
            step = self.places[place]
            if not mask >> step & 1:  # type: ignore[operator]
                continue
            began = self._began(place, now, walks)
            if began is None:
                continue
            walks[place].append((began, now))
            last_of_step = place + 1 == len(self.places) or self.places[place + 1] != step
            if last_of_step and completed is None:
                completed = (step + 1, now - began)
        return completed

    def _began(self, place: int, now: int, walks: list[list[Walk]]) -> int | None:
        """The latest start of a walk that this event can continue at `place`."""
        if place == 0:
            return now
        crossing = self.places[place] != self.places[place - 1]
        limit = now - self.gap_max if crossing and self.gap_max is not None else now - self.within
        starts = [
            began for began, ended in walks[place - 1] if ended >= limit and now - began <= self.within
        ]
        return max(starts, default=None)
