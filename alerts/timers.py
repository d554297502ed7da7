"""The timers of a shard: what waits for a watermark, group by group, and what waits for the clock.

When a timer is due is computed from the timelines of the slice at hand, in the order of clock instants. Most slices
make nothing due, so for each group an instant is remembered before which none of its timers is.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Sequence

from alerts.clock import Timeline
from alerts.entry import Key
from alerts.model import ALWAYS, NEVER
from alerts.vouching import VouchTimeline

AnyTimeline = Timeline | VouchTimeline
CLOCK = -1  # the group of those that wait for the clock alone


# (when it was set, rule, which of the rule's waits it is, key): one key waits for an event time
Timer = tuple[int, int, int, Key]


class Timers:
    """All timers of one shard. Those of a group that wait for the same event time fire together."""

    def __init__(self, groups: int) -> None:
        """`groups` is how many groups of rules there are, each with a timeline of its own."""
        self._waiting: list[dict[int, list[Timer]]] = [{} for _ in range(groups)]  # by event time, the last set last
        self._times: list[list[int]] = [[] for _ in range(groups)]  # a heap of these event times
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
        waiting = self._waiting[group]
        if event_time in waiting:
            waiting[event_time].append((now, rule, which, key))
            return
        waiting[event_time] = [(now, rule, which, key)]
        heapq.heappush(self._times[group], event_time)
        if self._timelines:
            bound = self._timelines[group].not_before(event_time)
            if bound < self._bounds[group]:
                self._bounds[group] = bound
                self.soonest = min(self.soonest, bound)

    def set_again(self, group: int, event_time: int, rule: int, which: int, key: Key) -> None:
        """After a restart. One that nothing waits for any more fires all the same, as it would have."""
        timers = self._waiting[group].setdefault(event_time, [])
        if not timers:
            heapq.heappush(self._times[group], event_time)
        timers.insert(0, (NEVER, rule, which, key))

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
                    self.soonest = found
                return found, CLOCK
            group = bounds.index(best)
            event_time = self._times[group][0]
            due = self._timelines[group].due(event_time, self._waiting[group][event_time][-1][0])
            bounds[group] = ALWAYS if due is None else due
            if bounds[group] == best:
                return best, group

    def take(self, group: int) -> tuple[int, list[Timer]]:
        """The next event time of a group and who waits for it; they wait no more."""
        event_time = heapq.heappop(self._times[group])
        self._bounds[group] = self._bound(group)
        return event_time, self._waiting[group].pop(event_time)

    def take_clock(self) -> tuple[int, int, Key]:
        """The next that waits for the clock: instant, rule and key; it waits no more."""
        return heapq.heappop(self._clock)

    def timeline(self, group: int) -> AnyTimeline:
        """Of the slice at hand."""
        return self._timelines[group]

    def forget(self, group: int, rule: int, keys: Container[Key]) -> None:
        """Some keys of a rule wait for nothing any more."""
        waiting = {
            event_time: kept
            for event_time, timers in self._waiting[group].items()
            if (kept := [timer for timer in timers if timer[1] != rule or timer[3] not in keys])
        }
        self._waiting[group] = waiting
        self._times[group] = sorted(waiting)
        self._bounds[group] = self._bound(group)

    def __len__(self) -> int:
        """How many are set."""
        return sum(len(timers) for waiting in self._waiting for timers in waiting.values()) + len(self._clock)

    def _bound(self, group: int) -> int:
        times = self._times[group]
        return self._timelines[group].not_before(times[0]) if times else ALWAYS

    def _earliest(self) -> int:
        return min(min(self._bounds, default=ALWAYS), self._clock[0][0] if self._clock else ALWAYS)
