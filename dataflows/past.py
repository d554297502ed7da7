"""What a rule that is new is warmed with: the events of the data pool, and those that are not in it yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from alerts.joined import Joined, in_matter
from alerts.model import Event, PooledEvent, to_us
from connectors.address import Where
from connectors.clickhouse import Pool

PATIENCE = timedelta(days=30)  # with a pool that is away


class Past:
    """Everything that arrived before an instant, from the pool at `dsn` and from memory; without a pool, nothing.

    At a snapshot all rows are handed over to the sink of the pool, which can be asked to wait until the server has
    them. So it is enough to remember the events since the snapshot before the last; after a restart those are read
    again. A pool that is away is waited for: a rule must not begin with less than it should know.
    """

    def __init__(self, dsn: Where = "", wait_until_delivered: Callable[[], None] = lambda: None) -> None:
        self._dsn = dsn
        self._wait_until_delivered = wait_until_delivered
        self._before: list[Joined] = []
        self._since: list[Joined] = []

    def remember(self, joined: Sequence[Joined]) -> None:
        """Events on their way to the pool."""
        if self._dsn:
            self._since += joined

    def snapshot_taken(self) -> None:
        """What was remembered before the last snapshot has been handed over to the sink when this one is complete."""
        self._before, self._since = self._since, []

    def of_matters(self, matters: frozenset[str], before: int) -> Iterable[PooledEvent]:
        """The events that belonged to some matters before an instant, as far as the pool and memory know."""
        if not self._dsn:
            return ()
        self._wait_until_delivered()
        with Pool(self._dsn, patience=PATIENCE) as pool:
            events = {each.event.id: each for each in pool.of_matters(sorted(matters), before)}
        events.update({each.event.id: each.pooled() for each in (*self._before, *self._since)})
        return [each for each in events.values() if each.matter in matters]

    def __call__(self, channels: frozenset[str], since: int, before: int) -> Iterable[Event]:
        """The events of some channels that happened from `since` on and arrived before `before` (microseconds)."""
        if not self._dsn:
            return ()
        self._wait_until_delivered()
        with Pool(self._dsn, patience=PATIENCE) as pool:
            events = {event.id: event for event in pool.events(sorted(channels), since, before)}
        for each in (*self._before, *self._since):
            if each.event.channel in channels and to_us(each.event.occurred_at) >= since:
                events[each.event.id] = in_matter(each.event, each.matter)
        return events.values()


NO_PAST = Past()
