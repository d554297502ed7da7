"""progression: what gets worse: a measure that rises, shrinking intervals, a grave cue after a contact."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from alerts.entry import RESETS, SELECTED, Entry, Verdict
from alerts.fields import Getter
from alerts.kinds.chain import LongestChain
from alerts.kinds.judge import Running
from alerts.kinds.tally import Tally
from alerts.model import Event
from alerts.select import Predicate


class Branch(Protocol):
    """One way to get worse. `read` is what it keeps of an event, found again in `column` of the values."""

    name: str
    lazy: bool
    column: int

    @property
    def least(self) -> int:
        """With fewer entries in the window it never speaks."""

    def read(self, event: Event) -> object:
        """What is kept of an event for this branch."""

    def start(self, size: int) -> Running:
        """An empty window of this branch."""


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

    @property
    def least(self) -> int:
        """Each step is an event."""
        return self.min_steps

    def read(self, event: Event) -> object:
        """The measure of the event."""
        return self.measure(event)

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Climb(self, size)


class _Climb:
    __slots__ = ("_branch", "_chain", "_size")

    def __init__(self, branch: Chain, size: int) -> None:
        self._branch = branch
        self._size = size
        self._chain = LongestChain(branch.column, size)

    def copy(self) -> Running:
        twin = _Climb(self._branch, self._size)
        twin._chain = self._chain.copy()
        return twin

    def take(self, entry: Entry) -> None:
        self._chain.take(entry)

    def verdict(self, *, settled: bool) -> Verdict | None:
        branch, path = self._branch, self._chain.path
        if len(path) < max(branch.min_steps, 1):
            return None
        reached = [level for least, level in branch.steps_rungs if len(path) >= least]
        reached += [level for least, level in branch.measure_rungs if path[-1] >= least]
        if not reached:
            return None
        return Verdict(max(reached), steps=len(path), branches=(branch.name,) if branch.name else (), path=path)


@dataclass(slots=True)
class Gaps:
    """Each interval between the last events is at most a share of the one before."""

    name: str
    column: int
    min_events: int
    each_ratio_lte: float
    level: int
    lazy: bool

    @property
    def least(self) -> int:
        """The events between which the gaps lie."""
        return self.min_events

    def read(self, event: Event) -> object:
        """Nothing but the time counts."""
        return None

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Shrinking(self, size)


class _Shrinking:
    __slots__ = ("_branch", "_size", "_times")

    def __init__(self, branch: Gaps, size: int) -> None:
        self._branch = branch
        self._size = size
        self._times: deque[int] = deque(maxlen=branch.min_events)

    def copy(self) -> Running:
        twin = _Shrinking(self._branch, self._size)
        twin._times = self._times.copy()
        return twin

    def take(self, entry: Entry) -> None:
        if entry[4] & RESETS:
            self._times.clear()
        if entry[4] & SELECTED:
            self._times.append(entry[0])

    def verdict(self, *, settled: bool) -> Verdict | None:
        branch, times = self._branch, self._times
        if len(times) < branch.min_events or times[0] <= times[-1] - self._size:
            return None
        gaps = [late - early for early, late in pairwise(times)]
        if not all(longer > 0 and shorter <= branch.each_ratio_lte * longer for longer, shorter in pairwise(gaps)):
            return None
        seconds = tuple(gap // 1_000_000 for gap in gaps)
        return Verdict(branch.level, branches=(branch.name,), measures=(("gaps", seconds),))


@dataclass(slots=True)
class Cue:
    """A grave event of a key that has been heard before. One alone is the dispatcher's job."""

    name: str
    column: int
    is_cue: Predicate
    prior_gte: int
    level: int
    lazy: bool = False

    @property
    def least(self) -> int:
        """The earlier contacts and the cue itself."""
        return self.prior_gte + 1

    def read(self, event: Event) -> object:
        """Whether the event carries the cue."""
        return self.is_cue(event)

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Grave(self, size)


class _Grave:
    __slots__ = ("_branch", "_contacts", "_is_cue", "_prior", "_size")

    def __init__(self, branch: Cue, size: int) -> None:
        self._branch = branch
        self._size = size
        self._contacts = Tally(size)
        self._is_cue = False
        self._prior = 0  # how many other contacts came before the newest entry

    def copy(self) -> Running:
        twin = _Grave(self._branch, self._size)
        twin._contacts = self._contacts.copy()
        twin._is_cue, twin._prior = self._is_cue, self._prior
        return twin

    def take(self, entry: Entry) -> None:
        if not entry[4] & SELECTED:
            return
        contacts = self._contacts
        contacts.move(entry[0])
        self._is_cue = bool(entry[5][self._branch.column])
        self._prior = len(contacts) - (entry[3] in contacts)
        contacts.add(entry[0], entry[3])

    def verdict(self, *, settled: bool) -> Verdict | None:
        branch = self._branch
        if not self._is_cue or self._prior < branch.prior_gte:
            return None
        return Verdict(branch.level, branches=(branch.name,))


class Progression:
    """Any of some branches; what they say at one event is one verdict."""

    def __init__(self, branches: list[Branch]) -> None:
        self.branches = branches
        self.lazy = any(branch.lazy for branch in branches)
        self.waits = all(branch.lazy for branch in branches)
        self.spare = self.stays_silent = None
        self.least = min(branch.least for branch in branches)

    def values(self, event: Event) -> tuple[object, ...]:
        """What each branch keeps, column by column."""
        return tuple(branch.read(event) for branch in self.branches)

    def start(self, size: int) -> Running:
        """An empty window."""
        return _Any([(branch.lazy, branch.start(size)) for branch in self.branches], Tally(size))

    def roles(self, entry: Entry) -> tuple[str, ...]:
        """The cues that the entry carries."""
        return tuple(branch.name for branch in self.branches if entry[5][branch.column] is True)


class _Any:
    __slots__ = ("_contacts", "_running")

    def __init__(self, running: list[tuple[bool, Running]], contacts: Tally) -> None:
        self._running = running
        self._contacts = contacts

    def copy(self) -> Running:
        return _Any([(is_lazy, running.copy()) for is_lazy, running in self._running], self._contacts.copy())

    def take(self, entry: Entry) -> None:
        for _, running in self._running:
            running.take(entry)
        if entry[4] & SELECTED:
            self._contacts.move(entry[0])
            self._contacts.add(entry[0], entry[3])

    def verdict(self, *, settled: bool) -> Verdict | None:
        """The highest level of the branches that speak; lazy ones are asked once the event is settled."""
        spoken = [
            verdict
            for is_lazy, running in self._running
            if (settled or not is_lazy) and (verdict := running.verdict(settled=settled)) is not None
        ]
        if not spoken:
            return None
        strongest = max(spoken, key=Verdict.weight)
        longest = max(spoken, key=lambda verdict: verdict.steps or 0)
        return Verdict(
            level=strongest.level,
            count=len(self._contacts),
            steps=longest.steps,
            branches=tuple(sorted(name for verdict in spoken for name in verdict.branches)),
            path=longest.path,
            measures=tuple(measure for verdict in spoken for measure in verdict.measures),
        )
