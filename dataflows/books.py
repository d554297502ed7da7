"""The books of detection: what came in is linked, late, repeated or a heartbeat; and how much is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from alerts.alert import Draft
from alerts.detection import Shard
from alerts.linking import Linking, Routed
from alerts.model import NEVER, Revision
from connectors.metrics import Metrics

_log = logging.getLogger("anlan.rules")

WEIGH_EVERY_SECONDS = 5.0
LOOK_EVERY_SECONDS = 1.0
WAITING_AT_MOST = 100_000


class Books:
    """Keeps the metrics of the detection stages."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._weighed: dict[int, tuple[float, list[tuple[str, int, int, int]]]] = {}
        self._produced: dict[tuple[str, int], int] = {}
        self._looked_at = 0.0
        self._epoch_at = 0.0

    def enter(self, routed: Routed, stage: Linking) -> None:
        """One slice of the log, linked."""
        metrics = self._metrics
        for link, pooled in zip(routed.links, routed.pooled, strict=True):
            if link.previous is None:
                metrics.events_linked.labels(pooled.event.channel, link.reason).inc()
        for late in routed.late:
            metrics.events_late.labels(late.channel, late.rule).inc()
        for letter in routed.dead:
            if letter.reason == "duplicate_id":
                metrics.events_duplicated.labels(letter.channel).inc()
            else:
                metrics.events_dead_lettered.labels(letter.channel, letter.reason).inc()
        for gap in routed.gaps:
            metrics.rule_gaps_noted.labels(gap.rule, gap.channel).inc()
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
        for rule, reached in stage.rule_watermarks().items():
            if reached > NEVER // 2:
                metrics.rule_watermark_lag.labels(rule).set((marks.now - reached) / 1e6)

    def snapshot_taken(self, step: str, began: float, size: int) -> None:
        """A step has encoded its state; `began` is the monotonic time at which it started to."""
        now = time.monotonic()
        self._metrics.snapshot_seconds.labels(step).observe(now - began)
        self._metrics.snapshot_bytes.labels(step).observe(size)
        if step == "link":  # one key, so once an epoch
            if self._epoch_at:
                self._metrics.epoch_seconds.observe(now - self._epoch_at)
            self._epoch_at = now

    def weigh(self, shard: Shard) -> None:
        """Now and then: how many keys, events and open alerts a shard keeps, summed over the shards by rule."""
        now = time.monotonic()
        last = self._weighed.get(id(shard))
        if last is not None and now - last[0] < WEIGH_EVERY_SECONDS:
            return
        self._weighed[id(shard)] = (now, shard.sizes())
        totals: dict[str, list[int]] = {}
        for _, sizes in list(self._weighed.values()):
            for rule, *counts in sizes:
                total = totals.setdefault(rule, [0, 0, 0])
                totals[rule] = [a + b for a, b in zip(total, counts, strict=True)]
        for rule, (keys, events, is_open) in totals.items():
            self._metrics.keys_kept.labels(rule).set(keys)
            self._metrics.events_kept.labels(rule).set(events)
            self._metrics.alerts_open.labels(rule).set(is_open)

    def expect(self, drafts: Iterable[Draft]) -> None:
        """Revisions on their way to Redis: remember when the events behind them were produced."""
        if len(self._produced) > WAITING_AT_MOST:
            self._produced.clear()
        for draft in drafts:
            if draft.produced_us:
                self._produced[draft.revision.alert_id, draft.revision.revision] = draft.produced_us

    def published(self, revisions: Iterable[Revision], now: Callable[[], float] = time.time) -> None:
        """Readers see these revisions for the first time."""
        at = now()
        for each in revisions:
            self._metrics.revisions_published.labels(each.rule, each.level, each.state, each.reason).inc()
            if each.suppressed_since_last.count:
                self._metrics.findings_suppressed.labels(each.rule).inc(each.suppressed_since_last.count)
            produced = self._produced.pop((each.alert_id, each.revision), 0)
            if produced:
                self._metrics.alert_latency.labels(each.rule).observe(max(at - produced / 1e6, 0.0))
