"""Whether a Kafka cluster answers, as our own clients see it: one log line when it is away, one when it is back."""

from __future__ import annotations

import logging
import threading
from typing import Any

import msgspec
from confluent_kafka import KafkaError, ThrottleEvent

from connectors.address import Where
from connectors.kafka_refusal import REFUSED, UNSAFE, remedy
from connectors.metrics import Metrics

AWAY_AFTER = 2  # reports in a row without a connection; a client reports once a second
_REPORT_MS = 1000
_COMPLAIN_US = 10_000_000

_NO_CONNECTION = {KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT}

_log = logging.getLogger("anlan.kafka")


class _Broker(msgspec.Struct, frozen=True):
    state: str


class _Topic(msgspec.Struct, frozen=True):
    partitions: dict[str, msgspec.Raw]  # by number; -1 is the library's own


class _Report(msgspec.Struct, frozen=True):
    """What is read of a client's statistics."""

    ts: int  # microseconds of a clock that never goes back
    brokers: dict[str, _Broker]
    topics: dict[str, _Topic] = {}


_decode = msgspec.json.Decoder(_Report).decode


class BrokerWatch:
    """What the clients of one process hear about one cluster.

    It is away while at least one client that wants a connection has none, for two seconds or more. Clients may
    live in several threads.
    """

    def __init__(self, bootstrap: Where, metrics: Metrics | None = None) -> None:
        self._bootstrap = bootstrap
        self._gauge = (metrics or Metrics()).broker_missed
        self._lock = threading.Lock()
        self._cut_off: set[Ear] = set()
        self._away_us = 0
        self._complained_us: int | None = None

    @property
    def is_away(self) -> bool:
        """Whether a client is cut off now."""
        return bool(self._cut_off)

    def ear(self) -> Ear:
        """What one more client hears with."""
        return Ear(self)

    def cut_off(self, ear: Ear, since_us: int) -> None:
        """A client has no connection any more."""
        with self._lock:
            if not self._cut_off:
                self._away_us = since_us
                self._gauge.set(1)
                _log.warning("broker_away bootstrap=%s everything waits until it is back", self._bootstrap)
            self._cut_off.add(ear)

    def connected(self, ear: Ear, now_us: int) -> None:
        """A client has a connection, or needs none any more."""
        with self._lock:
            if ear in self._cut_off:
                self._cut_off.discard(ear)
                if not self._cut_off:
                    self._gauge.set(0)
                    seconds = max(0, now_us - self._away_us) / 1e6
                    _log.warning("broker_back seconds=%.0f bootstrap=%s", seconds, self._bootstrap)

    def forget(self, ear: Ear) -> None:
        """A client is gone."""
        with self._lock:
            self._cut_off.discard(ear)
            self._gauge.set(bool(self._cut_off))

    def complain(self, error: str, now_us: int) -> None:
        """Log what is no outage and passes, at most once in a while."""
        with self._lock:
            if self._complained_us is None or now_us >= self._complained_us + _COMPLAIN_US:
                self._complained_us = now_us
                _log.warning("broker_missed error=%r bootstrap=%s", error, self._bootstrap)


class Ear:
    """What one client says about its connections; it hears in the thread that polls the client."""

    def __init__(self, watch: BrokerWatch) -> None:
        self._watch = watch
        self._errors = 0  # failed connections since the last report
        self._missed = 0  # reports in a row without a connection
        self._since_us = 0
        self._now_us = 0
        self.partitions: dict[str, int] = {}  # of each topic that the client uses, as far as it knows
        self.refused = ""  # what the broker will go on to refuse, however often it is asked …
        self.remedy = ""  # … and what to do about it

    def config(self) -> dict[str, Any]:
        """What the client is told, so that we hear it."""
        return {
            "error_cb": self.on_error,
            "stats_cb": self.on_report,
            "statistics.interval.ms": _REPORT_MS,
            "throttle_cb": self.on_throttle,
            "reconnect.backoff.max.ms": 2000,
        }

    def on_error(self, error: KafkaError) -> None:
        """Called by the client library."""
        if error.fatal() or error.code() in REFUSED:
            if not self.refused:
                self.refused, self.remedy = error.str(), remedy(error.code())
        elif error.code() == UNSAFE:  # whoever replaces the certificate need not start us again
            self._errors += 1
            self._watch.complain(f"{error.str()}{remedy(UNSAFE, error.str())}", self._now_us)
        elif error.code() in _NO_CONNECTION:
            self._errors += 1
        elif error.code() != KafkaError._ALL_BROKERS_DOWN:  # said as well when an idle connection is closed
            self._watch.complain(error.str(), self._now_us)

    def on_report(self, text: str) -> None:
        """Called by the client library once a second."""
        report = _decode(text)
        errors, self._errors, self._now_us = self._errors, 0, report.ts
        self.partitions = {
            name: max(map(int, topic.partitions)) + 1 for name, topic in report.topics.items() if topic.partitions
        }
        if any(broker.state == "UP" for broker in report.brokers.values()):
            self._missed = 0
            self._watch.connected(self, report.ts)
        elif errors:  # else it is idle and wants no connection
            self._since_us = self._since_us if self._missed else report.ts
            self._missed += 1
            if self._missed == AWAY_AFTER:
                self._watch.cut_off(self, self._since_us)

    def on_throttle(self, event: ThrottleEvent) -> None:
        """Called by the client library: a broker keeps us waiting, because we are over our quota."""
        if event.throttle_time:
            self._watch.complain(f"held back by a quota for {event.throttle_time:g} s", self._now_us)

    def close(self) -> None:
        """The client is gone."""
        self._watch.forget(self)
