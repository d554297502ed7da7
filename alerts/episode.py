"""Episodes: the fold over the judged events of one key, in event time (semantics 8, 9).

An episode opens with the first event that a rule speaks about, takes in every selected event of the key while it
is open, and closes when none came for `quiet_close`. A finding inside `reopen_within` of the closing opens it
again under the same number; a later one begins the next.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from alerts.entry import RED, Entry, Key, Verdict
from alerts.life import Life
from alerts.model import NEVER, Confidence, Region, State


class Facts(Struct, frozen=True):
    """What some kinds say beside the verdict: deadlines, baselines, how sure an absence is."""

    due: datetime | None = None
    stage: str | None = None
    breach_seconds: int | None = None
    confidence: Confidence = "confirmed"
    vouched_by: tuple[dict[str, Any], ...] = ()
    calendar_version: str | None = None
    baseline_version: str | None = None
    first_occurred: int | None = None  # event times, where they are not those of the evidence
    last_occurred: int | None = None
    region: Region | None = None  # where it is not that of the evidence
    merged_into: tuple[Key, int] | None = None  # key and episode of the alert that takes this one in
    words: dict[str, Any] = {}  # further words for `explain`: numbers, or [Chinese, English]


NO_FACTS = Facts()
Place = tuple[int, int, str]  # of an event in the total order
BEFORE_ALL: Place = (NEVER, 0, "")
QUIET: tuple[State, str] = ("closed", "quiet")


class Episode:
    """Where the fold stands. `number` is 0 before anything was found."""

    __slots__ = (
        "began", "best", "bonus", "branches", "channels", "closed", "ending", "evidence", "facts", "last", "level",
        "matched", "number", "open", "past", "pending", "steps", "unit", "unit_from",
    )  # fmt: skip

    def __init__(self) -> None:
        self.number = 0
        self.open = False
        self.matched = 0  # event time of the newest finding
        self.last = 0  # event time of the newest event taken in
        self.closed = 0  # event time of the closing
        self.level = 0
        self.bonus = 0  # levels added by aftercare
        self.steps = 0
        self.best: Verdict | None = None
        self.branches: frozenset[str] = frozenset()
        self.channels: tuple[str, ...] = ()
        self.unit: str | None = None
        self.evidence: dict[str, Entry] = {}
        self.past: tuple[Episode, ...] = ()  # those that ended since the settled part of the fold
        self.ending = QUIET  # the state and reason in which it ends
        self.began: Place = BEFORE_ALL  # where the finding lies that opened it last; not saved
        self.unit_from: Place = BEFORE_ALL  # where the event lies that told its unit; not saved
        self.pending: Callable[[], None] | None = None  # works out `best` and `matched`, where that was put off
        self.facts = NO_FACTS

    def twin(self) -> Episode:
        """A fold that can go on by itself."""
        twin = self._copied()
        twin.evidence = dict(self.evidence)
        twin.pending = None
        return twin

    def take(self, entry: Entry, verdict: Verdict | None, window: Callable[[], list[Entry]], life: Life) -> None:
        """One selected event further. `window` gives the earlier events of its window: evidence where it opens."""
        now = entry[0]
        if self.is_quiet(now, life):
            self.close(life)
        if verdict is not None:
            if not self.open:
                self._begin(entry, window(), life)
            self._strengthen(verdict)
            self.matched = now
        if self.open:
            self._include(entry)
            self.last = now

    def close(self, life: Life) -> None:
        """The episode ends, in event time, when it has been quiet for long enough."""
        self.open = False
        self.closed = self.last + (life.quiet_close or 0)

    def is_quiet(self, watermark: int, life: Life) -> bool:
        """Has no event come for long enough, seen from `watermark`?"""
        return self.open and life.quiet_close is not None and self.last + life.quiet_close <= watermark

    def known(self) -> tuple[Episode, ...]:
        """Every episode that is not over for good, oldest first; the last one is this."""
        return (*self.past, self)

    def has_ended(self, other: Episode) -> bool:
        """Is the other one over for good, if this fold is settled?"""
        if other.open or other.number > self.number:
            return False
        return other.number < self.number or (not self.open and self.closed == other.closed)

    def complete(self) -> None:
        """Work out what was put off."""
        if self.pending is not None:
            self.pending()

    def include(self, entry: Entry) -> None:
        """Take in an event that lies in the midst of it, of which no more is to be said than that it is there."""
        self._include(entry)
        self.last = max(self.last, entry[0])

    def _begin(self, finding: Entry, window: list[Entry], life: Life) -> None:
        self.began = finding[:3]
        since = finding[0] - self.closed
        again = bool(self.evidence) and life.reopen_within is not None and since <= life.reopen_within
        cared = self.number > 0 and life.aftercare is not None and since <= life.aftercare
        if not again:
            if self.number:
                ended = self._copied()
                ended.past = ()
                self.past = (*self.past, ended)
            self.number += 1
            self.level = self.steps = 0
            self.best = None
            self.branches = frozenset()
            self.channels = ()
            self.unit = None
            self.unit_from = BEFORE_ALL
            self.evidence = {}
        self.bonus = life.level_plus if cared else 0
        self.open = True
        for entry in window:
            self._include(entry)

    def _copied(self) -> Episode:
        twin = Episode()
        for name in Episode.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def _strengthen(self, verdict: Verdict) -> None:
        self.level = max(self.level, min(verdict.level + self.bonus, RED))
        self.steps = max(self.steps, verdict.steps or 0)
        self.branches = self.branches.union(verdict.branches)
        if self.best is None or verdict.weight() > self.best.weight():
            self.best = verdict

    def _include(self, entry: Entry) -> None:
        self.evidence[entry[2]] = entry
        event = entry[6]
        if event.channel not in self.channels:
            self.channels = (*self.channels, event.channel)
        if event.unit is not None and entry[:3] >= self.unit_from:
            self.unit = event.unit
            self.unit_from = entry[:3]

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [
            self.number, self.open, self.matched, self.last, self.closed, self.level, self.bonus, self.steps, self.best,
            sorted(self.branches), self.channels, self.unit, list(self.evidence.values()), self.ending, self.facts,
        ]  # fmt: skip

    @staticmethod
    def restored(state: Any, revive: Any) -> Episode:
        """The fold that `state` described; `revive` turns a kept entry back into one."""
        episode = Episode()
        (
            episode.number, episode.open, episode.matched, episode.last, episode.closed, episode.level, episode.bonus,
            episode.steps, best, branches, channels, episode.unit, evidence, ending, facts,
        ) = state  # fmt: skip
        episode.ending = tuple(ending)
        episode.facts = msgspec.convert(facts, Facts)
        episode.best = None if best is None else _verdict(best)
        episode.branches = frozenset(branches)
        episode.channels = tuple(channels)
        episode.evidence = {entry[2]: entry for entry in map(revive, evidence)}
        return episode


def _verdict(kept: Any) -> Verdict:
    if isinstance(kept, Verdict):
        return kept
    level, count, distinct, exact, steps, branches, path, measures = kept
    return Verdict(
        level, count, distinct, exact, steps, tuple(branches), tuple(path),
        tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in measures),
    )  # fmt: skip
