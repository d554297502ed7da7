"""progression: a matter that gets worse: a rising measure, shrinking intervals, a grave cue after an earlier contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from alerts.entry import RESETS, SELECTED, Entry, Verdict, contacts
from alerts.fields import Getter
from alerts.kinds.chain import longest_chain
from alerts.model import Event
from alerts.select import Predicate


class Branch(Protocol):
    """One way to get worse. `read` is what it keeps of an event, found again in `column` of the values."""

    name: str
    lazy: bool
    column: int

    def read(self, event: Event) -> object:
        """What is kept of an event for this branch."""

    def look(self, entries: list[Entry], start: int, end: int) -> Verdict | None:
        """This branch's verdict on entry `end`."""


@dataclass(slots=True)
class Chain:
    """Strictly increasing measure; rungs on the number of steps and on the last measure."""

    name: str
    column: int
    measure: Getter
    min_steps: int
    steps_rungs: list[tuple[int, int]]
    measure_rungs: list[tuple[int, int]]
    lazy: bool

    def read(self, event: Event) -> object:
        """The measure of the event."""
        return self.measure(event)

    def look(self, entries: list[Entry], start: int, end: int) -> Verdict | None:
        """A verdict where the chain that ends here is long enough."""
        path = longest_chain(entries, start, end, self.column)
        if len(path) < self.min_steps:
            return None
        last = path[-1]
        reached = [level for least, level in self.steps_rungs if len(path) >= least]
        reached += [level for least, level in self.measure_rungs if last >= least]  # type: ignore[operator]
        if not reached:
            return None
        return Verdict(max(reached), steps=len(path), branches=self._branches(), path=path)

    def _branches(self) -> tuple[str, ...]:
        return (self.name,) if self.name else ()


@dataclass(slots=True)
class Gaps:
    """Each interval between the last events is at most a share of the one before."""

    name: str
    column: int
    min_events: int
    each_ratio_lte: float
    level: int
    lazy: bool = True

    def read(self, event: Event) -> object:
        """Nothing but the time counts."""
        return None

    def look(self, entries: list[Entry], start: int, end: int) -> Verdict | None:
        """A verdict where the last `min_events` events come faster and faster."""
        times: list[int] = []
        for index in range(end, start - 1, -1):
            entry = entries[index]
            if entry[4] & RESETS:
                break
            if entry[4] & SELECTED:
                times.append(entry[0])
                if len(times) == self.min_events:
                    break
        if len(times) < self.min_events:
            return None
        gaps = [late - early for late, early in zip(times, times[1:], strict=False)]  # newest first
        shrinking = all(
            longer > 0 and shorter <= self.each_ratio_lte * longer
            for shorter, longer in zip(gaps, gaps[1:], strict=False)
        )
        if not shrinking:
            return None
        seconds = tuple(gap // 1_000_000 for gap in reversed(gaps))
        return Verdict(self.level, branches=(self.name,), measures=(("gaps", seconds),))


@dataclass(slots=True)
class Cue:
    """A grave event of a key that has been heard before. One alone is the dispatcher's job."""

    name: str
    column: int
    is_cue: Predicate
    prior_gte: int
    level: int
    lazy: bool = False

    def read(self, event: Event) -> object:
        """Whether the event carries the cue."""
        return self.is_cue(event)

    def look(self, entries: list[Entry], start: int, end: int) -> Verdict | None:
        """A verdict where this event is the cue and enough other contacts came before it."""
        if not entries[end][5][self.column]:
            return None
        mine = entries[end][3]
        prior = {entry[3] for entry in entries[start:end] if entry[4] & SELECTED}
        prior.discard(mine)
        return Verdict(self.level, branches=(self.name,)) if len(prior) >= self.prior_gte else None


class Progression:
    """Any of some branches; what they say at one event is one verdict."""

    def __init__(self, branches: list[Branch]) -> None:
        self.branches = branches
        self.lazy = any(branch.lazy for branch in branches)

    def values(self, event: Event) -> tuple[object, ...]:
        """What each branch keeps, column by column."""
        return tuple(branch.read(event) for branch in self.branches)

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """The cues that the entry carries."""
        return tuple(branch.name for branch in self.branches if entry[5][branch.column] is True)

    def judge(
        self, entries: list[Entry], start: int, end: int, *, settled: bool, linked: bool
    ) -> Verdict | None:
        """The highest level of the branches that speak; lazy ones are asked only once the event is settled."""
        spoken = [
            verdict
            for branch in self.branches
            if (settled or not branch.lazy) and (verdict := branch.look(entries, start, end)) is not None
        ]
        if not spoken:
            return None
        strongest = max(spoken, key=Verdict.weight)
        longest = max(spoken, key=lambda verdict: verdict.steps or 0)
        return Verdict(
            level=strongest.level,
            count=contacts(entries, start, end, linked),
            steps=longest.steps,
            branches=tuple(sorted(name for verdict in spoken for name in verdict.branches)),
            path=longest.path,
            measures=tuple(measure for verdict in spoken for measure in verdict.measures),
        )
