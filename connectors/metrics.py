"""Every number Anlan tells Prometheus: its name, its labels, what it means, and the door where it is read.

This is the only file that knows `prometheus_client`. A metric is named
`anlan_<noun>_<past verb>_<unit or total>`, counts in base units, and takes its labels from `LABELS`, never an
id or free text. `docs/metrics.md` is written from here: `python -m connectors.metrics > docs/metrics.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server

from alerts.model import DeadReason

PREFIX = "anlan"

LABELS = {
    "channel": "registered channel; `unknown` where the row did not say",
    "action": "what a person did with an alert, from the list of actions",
    "verdict": "`admitted` or `dead_lettered` at the door, `done` or `refused` at the desk",
    "rule": "rule id",
    "reason": "why, from the fixed list of the step that counts: dead-letter, drop, link or revision reasons",
    "level": "`blue`, `yellow`, `red`",
    "state": "state of the alert in the revision",
    "watermark": "`data` (evidence) or `clock` (moves with time)",
    "sink": "`redis`, `redis-people`, `kafka`, `pool`",
    "table": "table or stream that received the rows",
    "step": "step id of the flow",
    "certificate": "the setting that names its file, or `kafka`, `redis`, `clickhouse`",
    "topic": "Kafka topic",
    "partition": "Kafka partition",
    "route": "path of the service as its description has it; `other` where there is none",
    "status": "HTTP status of an answer",
}

# produce → Redis is tens of milliseconds on a quiet machine and must stay under a second: fine steps there
LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
WORK_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
BYTES_BUCKETS = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)


class Declared(NamedTuple):
    """One metric as the page and the boards know it."""

    name: str  # as Prometheus shows it
    type: str
    labels: tuple[str, ...]
    meaning: str


class Metrics:
    """The metrics of one process, in a registry of their own; two of them in one process do not meet.

    What goes in is accounted for, channel by channel: received = admitted + dead-lettered + dropped at the
    intake, and admitted = linked + duplicate + heartbeats once the log is read.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._declared: list[Declared] = []
        self._declare_events()
        self._declare_time()
        self._declare_alerts()
        self._declare_sinks()
        self._declare_engine()
        self._declare_service()
        self._declare_group()

    def _declare_events(self) -> None:
        self.events_received = self._counter(
            "events_received_total", "Rows that came to the intake's door, heartbeats included.", "channel"
        )
        self.events_admitted = self._counter("events_admitted_total", "Events written to the intake log.", "channel")
        self.events_dead_lettered = self._counter(
            "events_dead_lettered_total", "Rows that could not become an event.", "channel", "reason"
        )
        self.actions_received = self._counter(
            "actions_received_total", "People's actions that came in, admitted or dead-lettered.", "verdict"
        )
        self.actions_judged = self._counter(
            "actions_judged_total", "What became of people's actions: done, or refused.", "action", "verdict"
        )
        self.events_dropped = self._counter(
            "events_dropped_total", "Rows that a mapping leaves out on purpose.", "channel", "reason"
        )
        self.events_duplicated = self._counter(
            "events_duplicated_total", "Events whose id was known already; counted once.", "channel"
        )
        self.heartbeats_read = self._counter("heartbeats_read_total", "Heartbeats read from the intake log.", "channel")
        self.events_late = self._counter(
            "events_late_total",
            "Events behind the clock watermark of a rule: kept and pooled, not judged by it.",
            "channel",
            "rule",
        )
        self.events_linked = self._counter(
            "events_linked_total",
            "Events joined to a matter, by the reason of the join.",
            "channel",
            "reason",
        )
        self.events_pooled = self._counter(
            "events_pooled_total", "Events written to the data pool, repeats included.", "channel"
        )
        self.ticks_written = self._counter(
            "ticks_written_total", "Ticks the intake wrote, one for each partition and second."
        )

    def _declare_time(self) -> None:
        self.channel_watermark_lag = self._gauge(
            "channel_watermark_lagged_seconds",
            "How far a channel's watermark is behind the clock of the log.",
            "channel",
            "watermark",
        )
        self.rule_watermark_lag = self._gauge(
            "rule_watermark_lagged_seconds",
            "How far a rule's clock watermark is behind the clock of the log: what a timer waits.",
            "rule",
        )
        self.channel_silent = self._gauge(
            "channel_silenced_state", "1 while a channel has neither data nor heartbeat, else 0.", "channel"
        )
        self.record_read_at = self._gauge(
            "record_read_timestamp_seconds",
            "Unix time of the last record read: a dead broker raises no error, this stands still.",
            "topic",
            "partition",
        )
        self.records_behind = self._gauge(
            "records_waited_count",
            "Records of a partition that are written and not yet read.",
            "topic",
            "partition",
        )
        self.broker_missed = self._gauge(
            "broker_missed_state", "1 while no Kafka broker can be reached, else 0: the flow waits for it."
        )
        self.intake_held = self._gauge(
            "intake_held_state", "1 while raw rows wait in their topics because detection is behind, else 0."
        )
        self.log_clock_ahead = self._gauge(
            "log_clock_led_seconds",
            "How far the clock of the log is ahead of the machine's, which was set back; until then timers wait.",
        )

    def _declare_alerts(self) -> None:
        self.revisions_published = self._counter(
            "revisions_published_total",
            "Revisions handed to the feeds.",
            "rule",
            "level",
            "state",
            "reason",
        )
        self.findings_suppressed = self._counter(
            "findings_suppressed_total", "Findings folded into a later revision.", "rule"
        )
        self.keys_kept = self._gauge("keys_kept_count", "Keys with state.", "rule")
        self.events_kept = self._gauge("events_kept_count", "Events kept in state.", "rule")
        self.rule_gaps_noted = self._counter(
            "rule_gaps_noted_total", "Times in which a rule had to be silent because a channel was.", "rule", "channel"
        )
        self.rule_books_refused = self._counter(
            "rule_books_refused_total", "Edits of rule files that were not taken over, because something was wrong."
        )
        self.rule_changes_refused = self._counter(
            "rule_changes_refused_total", "Rules that kept their old meaning: the new one came without a new version."
        )
        self.keys_evicted = self._counter(
            "keys_evicted_total", "Keys that a rule forgot because it had more than its `max_keys`.", "rule"
        )
        self.caps_exceeded = self._counter(
            "caps_exceeded_total",
            "Times in which a rule was above its `max_keys` and too few keys could be forgotten, so that it grew.",
            "rule",
        )
        self.calendars_covered = self._gauge(
            "calendars_covered_timestamp_seconds",
            "Unix time from which on a calendar has no days: deadlines in working days cannot be told beyond it.",
        )
        self.certificates_covered = self._gauge(
            "certificates_covered_timestamp_seconds",
            "Unix time at which a certificate ends: of a file of ours by the setting that names it, as it was at the"
            " start, or of a server.",
            "certificate",
        )
        self.longest_key = self._gauge(
            "longest_key_kept_count", "Events of the key that keeps the most of them.", "rule"
        )
        self.ids_kept = self._gauge("ids_kept_count", "Ids of events that are remembered, so that none counts twice.")
        self.matters_kept = self._gauge("matters_kept_count", "Matters that an event may still join.")
        self.rules_failed = self._counter(
            "rules_failed_total", "Times in which a rule raised: the key or the event was passed over.", "rule"
        )
        self.rule_failed = self._gauge(
            "rule_failed_state", "1 while a rule is switched off because it raised too often, else 0.", "rule"
        )
        self.alerts_open = self._gauge("alerts_opened_count", "Alerts open or acked now.", "rule")
        self.alert_latency = self._histogram(
            "alert_published_seconds",
            "From the department's send to the alert in Redis, for kinds judged on arrival.",
            LATENCY_BUCKETS,
            "rule",
        )

        self.receipts_received = self._counter("receipts_received_total", "Records read from `alert-receipts.v1`.")
        self.receipts_dropped = self._counter(
            "receipts_dropped_total",
            "Records that are no receipt: `bad_json`, `bad_value`, `bad_time`.",
            "reason",
        )

    def _declare_sinks(self) -> None:
        self.rows_written = self._counter(
            "rows_written_total", "Rows a sink wrote and had acknowledged.", "sink", "table"
        )
        self.rows_skipped = self._counter(
            "rows_skipped_total",
            "Rows a sink left out: `duplicate` (written before), `older` (a later one is there); of a recount,"
            " `closed_hour`.",
            "sink",
            "reason",
        )
        self.hashes_mismatched = self._counter(
            "hashes_mismatched_total",
            "Revisions issued again with another content: detection was not deterministic. Must stay 0.",
            "sink",
        )
        self.revisions_lost = self._gauge(
            "revisions_lost_count",
            "Revisions that Redis was given and has lost, as this process knows it. Must stay 0.",
        )
        self.flush_seconds = self._histogram(
            "rows_flushed_seconds", "Time of one flush of a sink.", WORK_BUCKETS, "sink"
        )
        self.flushes_retried = self._counter(
            "flushes_retried_total", "Writes tried again because the other side did not answer.", "sink"
        )
        self.rows_buffered = self._gauge("rows_buffered_count", "Rows waiting in the memory of a sink.", "sink")
        self.rows_spooled = self._gauge(
            "rows_spooled_count", "Rows that wait on the disk, because the other side does not take them.", "sink"
        )
        self.spooled_bytes = self._gauge("rows_spooled_bytes", "Room that the rows on the disk take.", "sink")
        self.spools_allowed = self._gauge(
            "spools_allowed_bytes", "Room that the rows of a sink may take on the disk; then the flow waits.", "sink"
        )
        self.rows_waited = self._gauge(
            "rows_waited_seconds", "For how long the oldest row that a sink has not delivered waits.", "sink"
        )
        self.sink_away = self._gauge(
            "sink_away_state", "1 while the other side of a sink does not take what it is sent, else 0.", "sink"
        )
        self.hours_recounted = self._counter(
            "hours_recounted_total", "Touched hours counted again in the aggregate tables."
        )
        self.recount_seconds = self._histogram(
            "aggregates_recounted_seconds", "Time of one refresh of all touched aggregates.", WORK_BUCKETS
        )

    def _declare_engine(self) -> None:
        self.epoch_seconds = self._histogram(
            "epochs_closed_seconds",
            "From one snapshot to the next: must stay near the interval.",
            WORK_BUCKETS,
        )
        self.snapshot_seconds = self._histogram(
            "snapshots_taken_seconds", "Time to put what changed in one step on the disk.", WORK_BUCKETS, "step"
        )
        self.snapshot_bytes = self._histogram(
            "snapshots_taken_bytes", "Size of what changed in one step since its last snapshot.", BYTES_BUCKETS, "step"
        )
        self.disk_left = self._gauge("disk_left_bytes", "Room on the disk of the state, as of the last snapshot.")
        self.disk_filled = self._gauge(
            "disk_filled_state", "1 while the flow waits for room on the disk of its state, else 0."
        )
        self.state_rebuilt = self._gauge(
            "state_rebuilt_state", "1 while the state is rebuilt from the intake log after a start, else 0."
        )

    def _declare_service(self) -> None:
        self.requests_answered = self._counter(
            "requests_answered_total", "Requests that `anlan serve` answered.", "route", "status"
        )
        self.requests_answered_seconds = self._histogram(
            "requests_answered_seconds",
            "From a request to the end of its answer; a stream's answer ends when its reader leaves.",
            LATENCY_BUCKETS,
            "route",
        )
        self.streams_followed = self._gauge("streams_followed_count", "Readers that follow a feed live now.")
        self.feeds_missed = self._gauge(
            "feeds_missed_state", "1 while `anlan serve` cannot read the feeds in Redis, else 0."
        )

    def _declare_group(self) -> None:
        self.hosts_heard = self._gauge("hosts_heard_count", "Hosts of a group whose beats are heard, at work or not.")
        self.hosts_worked = self._gauge(
            "hosts_worked_count", "Hosts that share the flow now, as this one knows; 0 while none does."
        )
        self.lives_begun = self._counter(
            "lives_begun_total", "Lives of the group that have begun since this host's supervisor was started."
        )
        self.life_begun = self._gauge(
            "life_begun_number", "The life that this host has come to: all hosts of a group come to the same."
        )
        self.beat_taken_at = self._gauge(
            "beat_taken_timestamp_seconds", "Unix time at which this host said the last beat that Kafka took."
        )

    def count_from_zero(self, channels: Iterable[str], rules: Iterable[str]) -> None:
        """Show what on-call watches before anything is counted.

        To Prometheus a series that begins at 60 has not grown: sixty bad rows in the first lot would wake nobody.
        """
        names, ids = [*channels, "unknown"], list(rules)
        for channel in names:
            self.events_received.labels(channel)
            for reason in get_args(DeadReason):
                self.events_dead_lettered.labels(channel, reason)
            for rule in ids:
                self.events_late.labels(channel, rule)
        for rule in ids:
            self.caps_exceeded.labels(rule)
            self.alert_latency.labels(rule)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        self._declared.append(Declared(f"{PREFIX}_{name}", "counter", labels, meaning))
        return Counter(f"{PREFIX}_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        self._declared.append(Declared(f"{PREFIX}_{name}", "gauge", labels, meaning))
        return Gauge(f"{PREFIX}_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        self._declared.append(Declared(f"{PREFIX}_{name}", "histogram", labels, meaning))
        return Histogram(f"{PREFIX}_{name}", meaning, labels, registry=self.registry, buckets=buckets)

    @property
    def declared(self) -> tuple[Declared, ...]:
        """All metrics in the order of this file: for the page, the boards and the tests."""
        return tuple(self._declared)

    def value(self, name: str, **labels: str) -> float:
        """What a metric of this registry reads now, by its full Prometheus name; 0.0 where never counted."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def text(self) -> str:
        """All metrics in the form that Prometheus reads."""
        return generate_latest(self.registry).decode()


class Door:
    """An open `/metrics` page; close it to free the port."""

    def __init__(self, metrics: Metrics, port: int, addr: str, certificate: str, key: str) -> None:
        self._server, self._thread = start_http_server(
            port, addr, metrics.registry, certfile=certificate or None, keyfile=key or None
        )
        self.port: int = self._server.server_port

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(metrics: Metrics, port: int, certificate: str = "", key: str = "", *, addr: str = "127.0.0.1") -> Door:
    """Answer Prometheus on `addr:port`, this machine only unless told otherwise; port 0 takes a free one.

    With the files of a certificate and its key it answers in TLS.
    """
    return Door(metrics, port, addr, certificate, key)


def page() -> str:
    """The text of `docs/metrics.md`."""
    rows = [
        f"| `{m.name}` | {m.type} | {', '.join(f'`{x}`' for x in m.labels) or '–'} | {m.meaning} |"
        for m in Metrics().declared
    ]
    labels = [f"| `{name}` | {meaning} |" for name, meaning in LABELS.items()]
    return "\n".join([_HEAD, *rows, _LABELS_HEAD, *labels, ""])


_HEAD = """\
# Metrics

Written by `python -m connectors.metrics > docs/metrics.md`; a test fails when page and code differ.

The books must balance for every channel: received = admitted + dead-lettered + dropped at the intake, and
admitted = linked + duplicate + heartbeats once the log is read.
A histogram shows as `_bucket`, `_sum` and `_count`.
`anlan_hashes_mismatched_total` above 0 is a fault of ours:
the same log gave two different revisions.

| metric | type | labels | what it says |
|---|---|---|---|"""

_LABELS_HEAD = """
## Labels

Never an id of a person, a case or an alert, and never free text.

| label | values |
|---|---|"""


if __name__ == "__main__":
    sys.stdout.write(page())
