"""Backtest: rule books over a history, in one process and without an engine, as fast as it goes.

The same three stages as in production. What is kept of an alert is a line of numbers, so a year fits in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from alerts.channel import Channel
from alerts.model import Arrival, Slice, from_us
from alerts.pipeline import Pipeline, in_slices
from alerts.rule import Rule
from dataflows.backtest_tally import AlertLine, Tally
from dataflows.memory import HARDLY, calm_collector

Seen = Callable[[datetime, int], None]


class History(Struct):
    """What one rule book said about a history."""

    rules: list[Rule]
    start_us: int = 0  # first and last arrival
    end_us: int = 0
    events: Counter[str] = field(default_factory=Counter)  # by channel, heartbeats included
    late: Counter[str] = field(default_factory=Counter)  # by rule
    alerts: list[AlertLine] = []


def backtest(
    found: Iterator[Arrival],
    books: Sequence[Sequence[Rule]],
    channels: Mapping[str, Channel],
    watched: frozenset[str],
    seen: Seen,
) -> list[History]:
    """Run every book over the same arrivals. Of the evidence the ids that are `watched` are kept, the rest counted."""
    runs = [_Run(list(rules), channels, watched) for rules in books]
    with calm_collector(HARDLY):
        for cut in in_slices(found):
            for run in runs:
                run.take(cut)
            seen(from_us(cut.clock_us), len(cut.arrivals))
        return [run.finish() for run in runs]


class _Run:
    """One book on its way through the history."""

    def __init__(self, rules: list[Rule], channels: Mapping[str, Channel], watched: frozenset[str]) -> None:
        self._pipeline = Pipeline(rules, channels)
        self._tally = Tally(watched)
        self._history = History(rules)

    def take(self, cut: Slice) -> None:
        history = self._history
        if not history.events:
            history.start_us = cut.arrivals[0].arrived_us
        history.end_us = cut.clock_us
        history.events.update(each.event.channel for each in cut.arrivals if isinstance(each, Arrival))
        routed, drafts = self._pipeline.take(cut)
        history.late.update(late.rule for late in routed.late)
        for draft in drafts:
            self._tally.take(draft)

    def finish(self) -> History:
        for draft in self._pipeline.finish()[1]:
            self._tally.take(draft)
        self._history.alerts = self._tally.lines()
        return self._history
