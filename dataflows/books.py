"""The books of detection: what came in is linked, late, repeated or a heartbeat; and how much is kept."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from alerts.detection import Shard
from alerts.eviction import Eviction
from alerts.failing import Failure
from alerts.linking import Linking, Routed
from alerts.model import NEVER, Acted, Revision
from connectors.metrics import Metrics
from dataflows.failing_rules import FailingRules

_log = logging.getLogger("anlan.rules")

WEIGH_EVERY_SECONDS = 5.0
SELDOM = 800  # times as long as weighing one of eight shards takes
LOOK_EVERY_SECONDS = 1.0
WAITING_AT_MOST = 100_000
EVICTED_EVERY_SECONDS = 60.0


class Books:
    """Keeps the metrics of the detection stages."""

    def __init__(self, metrics: Metrics, passed: Callable[[int], None] = lambda _: None) -> None:
        """`passed` is told the clock of the log after each slice."""
        self._metrics = metrics
        self._passed = passed
        self.failing = FailingRules(metrics)
        self._evicted_at: dict[str, float] = {}
        self._weighed: dict[int, tuple[float, list[tuple[str, int, int, int]]]] = {}  # until when, and what
        self._longest: dict[int, dict[str, int]] = {}
        self._produced: dict[tuple[str, int], int] = {}
        self._there: dict[tuple[str, int], tuple[str, float]] = {}  # rule and time of what was sooner than its `expect`
        self._looked_at = 0.0
        self._epoch_at = 0.0

    def enter(self, routed: Routed, stage: Linking) -> None:
        """One slice of the log, linked."""
        metrics = self._metrics
        self._passed(stage.watermarks.now)
        linked = Counter([(each.event.channel, each.reason) for each in routed.joined if each.previous is None])
        for (channel, reason), count in linked.items():
            metrics.events_linked.labels(channel, reason).inc(count)
        for late in routed.late:
            metrics.events_late.labels(late.channel, late.rule).inc()
        for letter in routed.dead:
            if letter.reason == "duplicate_id":
                metrics.events_duplicated.labels(letter.channel).inc()
            else:
                metrics.events_dead_lettered.labels(letter.channel, letter.reason).inc()
        for gap in routed.gaps:
            if gap.reason == "silent_channel":
                metrics.rule_gaps_noted.labels(gap.rule, gap.channel).inc()
        self.failing.note(routed.failures)
        for sentence in routed.refused:
            metrics.rule_changes_refused.inc()
            _log.error("rule_change_refused %s", sentence)
        for channel, count in routed.fenced.items():
            metrics.events_duplicated.labels(channel).inc(count)
        if time.monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            self._look(stage)
        for channel, count in routed.heartbeats.items():
            metrics.heartbeats_read.labels(channel).inc(count)

    def _look(self, stage: Linking) -> None:
        """How far the watermarks are behind the clock of the log."""
        marks, metrics = stage.watermarks, self._metrics
        for channel in marks.channels():
            data = marks.data_watermark(channel)
            metrics.channel_silent.labels(channel).set(marks.is_silent(channel))
            if data is not None:
                metrics.channel_watermark_lag.labels(channel, "data").set((marks.now - data) / 1e6)
        metrics.ids_kept.set(stage.ids_kept)
        metrics.matters_kept.set(stage.linker.matters_kept)
        for rule, reached in stage.rule_watermarks().items():
            if reached > NEVER // 2:
                metrics.rule_watermark_lag.labels(rule).set((marks.now - reached) / 1e6)

    def judged(self, rows: Sequence[Acted]) -> None:
        """What became of some actions."""
        for row in rows:
            self._metrics.actions_judged.labels(row.action.action, row.verdict).inc()

    def snapshot_taken(self, step: str, began: float, size: int) -> None:
        """A step has encoded its state; `began` is the monotonic time at which it started to."""
        now = time.monotonic()
        self._metrics.snapshot_seconds.labels(step).observe(now - began)
        self._metrics.snapshot_bytes.labels(step).observe(size)
        if step == "link":  # one key, so once an epoch
            if self._epoch_at:
                self._metrics.epoch_seconds.observe(now - self._epoch_at)
            self._epoch_at = now

    def note(self, shard: Shard) -> None:
        """What went wrong in the slice that a shard took last: rules that raised, and rules that keep too much.

        Rules that raised are counted where their files are watched: see `failed`.
        """
        self.failing.tell(shard.failures)
        for eviction in shard.evictions:
            self._metrics.keys_evicted.labels(eviction.rule).inc(eviction.keys)
            if eviction.over:
                self._metrics.caps_exceeded.labels(eviction.rule).inc()
            self._say_evicted(eviction)

    def _say_evicted(self, eviction: Eviction) -> None:
        """A line for each rule now and then: a flood would fill the log as well."""
        now = time.monotonic()
        if now - self._evicted_at.get(eviction.rule, -EVICTED_EVERY_SECONDS) >= EVICTED_EVERY_SECONDS:
            self._evicted_at[eviction.rule] = now
            _log.warning("keys_evicted rule=%s keys=%d over=%d", eviction.rule, eviction.keys, eviction.over)

    def weigh(self, shard: Shard) -> None:
        """Now and then: how many keys, events and open alerts a shard keeps, summed over the shards by rule.

        It looks at every key, so where there are many it comes more seldom: all shards together take a hundredth
        of the time.
        """
        began = time.monotonic()
        last = self._weighed.get(id(shard))
        if last is not None and began < last[0]:
            return
        sizes = shard.sizes()
        self._longest[id(shard)] = shard.longest()
        now = time.monotonic()
        self._weighed[id(shard)] = (now + max(WEIGH_EVERY_SECONDS, (now - began) * SELDOM), sizes)
        self.failing.remember(shard)
        totals: dict[str, list[int]] = {}
        for _, sizes in list(self._weighed.values()):
            for rule, *counts in sizes:
                total = totals.setdefault(rule, [0, 0, 0])
                totals[rule] = [a + b for a, b in zip(total, counts, strict=True)]
        longest = list(self._longest.values())  # other worker threads weigh their shards meanwhile
        for rule, (keys, events, is_open) in totals.items():
            self._metrics.keys_kept.labels(rule).set(keys)
            self._metrics.longest_key.labels(rule).set(max(each.get(rule, 0) for each in longest))
            self._metrics.events_kept.labels(rule).set(events)
            self._metrics.alerts_open.labels(rule).set(is_open)

    def failed(self, failures: Iterable[Failure]) -> None:
        """Rules have raised in a shard, of this process or another one."""
        self.failing.count(failures)

    def expect(self, produced: Iterable[tuple[str, int, int]]) -> None:
        """Revisions on their way to Redis, or there already: when the events behind them were produced, or 0."""
        if len(self._produced) > WAITING_AT_MOST:
            self._produced.clear()
        for alert, revision, produced_us in produced:
            was_there = self._there.pop((alert, revision), None)
            if produced_us and was_there is not None:
                self._observe(*was_there, produced_us)
            elif produced_us:
                self._produced[alert, revision] = produced_us

    def published(self, revisions: Iterable[Revision], now: Callable[[], float] = time.time) -> None:
        """Readers see these revisions for the first time."""
        at = now()
        for each in revisions:
            self._metrics.revisions_published.labels(each.rule, each.level, each.state, each.reason).inc()
            if each.suppressed_since_last.count:
                self._metrics.findings_suppressed.labels(each.rule).inc(each.suppressed_since_last.count)
            produced = self._produced.pop((each.alert_id, each.revision), 0)
            if produced:
                self._observe(each.rule, at, produced)
            elif len(self._there) < WAITING_AT_MOST:
                self._there[each.alert_id, each.revision] = (each.rule, at)

    def _observe(self, rule: str, at: float, produced_us: int) -> None:
        self._metrics.alert_latency.labels(rule).observe(max(at - produced_us / 1e6, 0.0))
