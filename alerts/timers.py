"""The timers of a shard: what waits for a watermark, group by group, and what waits for the clock.

When a timer is due is computed from the timelines of the slice at hand, in the order of clock instants. Most slices
make nothing due, so for each group an instant is remembered before which none of its timers is.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Sequence
from typing import NamedTuple

from alerts.clock import Timeline
from alerts.entry import Key
from alerts.model import ALWAYS, NEVER
from alerts.vouching import VouchTimeline

AnyTimeline = Timeline | VouchTimeline
CLOCK = -1  # the group of those that wait for the clock alone


class Timer(NamedTuple):
    """One key waits for an event time; `which` of its rule's waits it is, and when the timer was set."""

    event_time: int
    set_at: int
    rule: int
    which: int
    key: Key


class Timers:
    """All timers of one shard."""

    def __init__(self, groups: int) -> None:
        """`groups` is how many groups of rules there are, each with a timeline of its own."""
        self._waiting: list[list[Timer]] = [[] for _ in range(groups)]
        self._clock: list[tuple[int, int, Key]] = []  # clock instant, rule, key
        self._timelines: Sequence[AnyTimeline] = ()  # of the slice at hand; none while nothing can be due
        self._bounds = [ALWAYS] * groups  # before these clock instants no timer of the group is due
        self.soonest = ALWAYS  # before this clock instant nothing is due

    def begin(self, timelines: Sequence[AnyTimeline]) -> None:
        """A slice of the log begins."""
        self._timelines = timelines
        self._bounds = [self._bound(group) for group in range(len(self._waiting))]
        self.soonest = self._earliest()

    def set(self, group: int, event_time: int, now: int, rule: int, which: int, key: Key) -> None:
        """Let a key wait for an event time."""
        heapq.heappush(self._waiting[group], Timer(event_time, now, rule, which, key))
        if self._timelines:
            bound = self._timelines[group].not_before(event_time)
            self._bounds[group] = min(self._bounds[group], bound)
            self.soonest = min(self.soonest, bound)

    def set_again(self, group: int, event_time: int, rule: int, which: int, key: Key) -> None:
        """After a restart. One that nothing waits for any more fires all the same, as it would have."""
        heapq.heappush(self._waiting[group], Timer(event_time, NEVER, rule, which, key))

    def set_clock(self, instant: int, rule: int, key: Key) -> None:
        """Let a key wait for the clock."""
        heapq.heappush(self._clock, (instant, rule, key))
        self.soonest = min(self.soonest, instant)

    def next_due(self, until: int) -> tuple[int, int]:
        """The instant and group of the next timer; where none is due before `until`, an instant not before it."""
        bounds = self._bounds
        clock = self._clock[0][0] if self._clock else ALWAYS
        while True:
            best = min(bounds, default=ALWAYS)
            if clock <= best or best >= until:
                found = min(clock, best)
                if found >= until:
                    self.soonest = self._earliest()
                return found, CLOCK
            group = bounds.index(best)
            timer = self._waiting[group][0]
            due = self._timelines[group].due(timer.event_time, timer.set_at)
            bounds[group] = ALWAYS if due is None else due
            if bounds[group] == best:
                return best, group

    def take(self, group: int) -> Timer:
        """The next timer of a group; it waits no more."""
        timer = heapq.heappop(self._waiting[group])
        self._bounds[group] = self._bound(group)
        return timer

    def take_clock(self) -> tuple[int, int, Key]:
        """The next that waits for the clock: instant, rule and key; it waits no more."""
        return heapq.heappop(self._clock)

    def timeline(self, group: int) -> AnyTimeline:
        """Of the slice at hand."""
        return self._timelines[group]

    def forget(self, group: int, rule: int, keys: Container[Key]) -> None:
        """Some keys of a rule wait for nothing any more."""
        kept = [timer for timer in self._waiting[group] if timer.rule != rule or timer.key not in keys]
        heapq.heapify(kept)
        self._waiting[group] = kept
        self._bounds[group] = self._bound(group)

    def __len__(self) -> int:
        """How many are set."""
        return sum(map(len, self._waiting)) + len(self._clock)

    def _bound(self, group: int) -> int:
        waiting = self._waiting[group]
        return self._timelines[group].not_before(waiting[0].event_time) if waiting else ALWAYS

    def _earliest(self) -> int:
        return min(min(self._bounds, default=ALWAYS), self._clock[0][0] if self._clock else ALWAYS)
