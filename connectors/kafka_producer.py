"""Sending bytes to Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Event as Flag
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.address import Where
from connectors.kafka_client import PATIENCE_SECONDS, BrokerError, Place, client_config
from connectors.kafka_names import BrokerNames
from connectors.kafka_refusal import remedy
from connectors.kafka_topics import OWN_BYTES, ROW_BYTES
from connectors.kafka_watch import BrokerWatch
from connectors.metrics import Metrics

STOP_SECONDS = 20.0
QUEUE_KBYTES = 65_536
LINGER_MS = 5  # that a record waits for others: below that some brokers drown in small batches
# requests to a broker that are not answered yet: with more of them an idempotent librdkafka, which has one for each
# partition, asks itself without a pause whether the next may go, and keeps a core busy while the broker is slow or away
IN_FLIGHT = 1
_LOOK_SECONDS = 0.1  # how often who waits looks whether to go on waiting
_SLACK_SECONDS = 1.0  # so that the client library, which has the same patience, is heard first


class Patience:
    """How long to wait for brokers that do not answer: some seconds, or until some seconds after a stop."""

    def __init__(self, seconds: float | None, stop: Flag | None = None, stop_seconds: float = STOP_SECONDS) -> None:
        """`seconds` None is without end: then only a `stop` that is set brings one, `stop_seconds` later."""
        self.seconds = seconds
        self._stop = stop or Flag()
        self._stop_seconds = stop_seconds
        self._stopped_at: float | None = None
        self._began_at = 0.0

    def begin(self) -> None:
        """Somebody begins to wait."""
        self._began_at = time.monotonic()

    def ended(self) -> str:
        """In words how long was waited, once that was long enough; empty until then."""
        now = time.monotonic()
        if self._stop.is_set():
            self._stopped_at = self._stopped_at or now
            if now >= self._stopped_at + self._stop_seconds:
                return f"{self._stop_seconds:g} s after the stop"
        if self.seconds is not None and now >= self._began_at + self.seconds + _SLACK_SECONDS:
            return f"after {self.seconds:g} s"
        return ""


ENDLESS = None  # the patience of a flow


class RawProducer:
    """Sends bytes to topics, in order and without doubles inside one life of the producer.

    Parallel by: whoever makes one; each has its own connection and belongs to one thread.
    Delivery: at least once; `send` only queues, `flush` returns when the brokers have everything. What is queued
    is bounded; `send` waits while the queue is full.
    On failure: tries again for `patience` seconds; after that `flush` raises, and so does `check`. With `ENDLESS`
    patience it waits for brokers that are away until they are back; once `stop` is set it gives up after
    `stop_seconds`. What does not pass raises at once: a topic that is gone, a record too large, no access.
    """

    def __init__(
        self,
        bootstrap: Where,
        patience: float | None = PATIENCE_SECONDS,
        largest_bytes: int = ROW_BYTES,
        *,
        stop: Flag | None = None,
        stop_seconds: float = STOP_SECONDS,
        watch: BrokerWatch | None = None,
        queue_kbytes: int = QUEUE_KBYTES,
        linger_ms: int = LINGER_MS,
        on_stored: Callable[[Place, int], None] | None = None,
    ) -> None:
        """`on_stored` is told, inside calls of this producer, where each record stands that the brokers have."""
        self._on_stored = on_stored
        self._bootstrap = bootstrap
        self._there = BrokerNames(bootstrap).there
        self._sent: dict[str, str] = {}  # what we call each topic that was sent to
        self._patience = Patience(patience, stop, stop_seconds)
        self._first_failure = ""
        self._failed_since_flush = 0
        self.delivered = 0
        self.failed = 0
        self.ends: dict[Place, int] = {}  # for each partition the offset after the last record it took
        self.strangers: list[tuple[Place, int, int]] = []  # from where to where somebody else wrote in between
        self._ear = (watch or BrokerWatch(bootstrap)).ear()
        self._producer = Producer(
            {
                **client_config(bootstrap, self._ear),
                "enable.idempotence": True,
                "max.in.flight": IN_FLIGHT,
                "acks": "all",
                "linger.ms": linger_ms,
                "compression.type": "lz4",
                "message.timeout.ms": 0 if patience is None else int(patience * 1000),
                "message.max.bytes": largest_bytes,
                "queue.buffering.max.kbytes": queue_kbytes,
            }
        )

    def send(
        self,
        topic: str,
        value: bytes,
        headers: Mapping[str, bytes] | None = None,
        timestamp_ms: int = 0,
        *,
        key: bytes | None = None,
        partition: int = -1,
    ) -> None:
        """Queue one record; waits while the queue is full. Time 0 is now, partition -1 is by key."""
        there = self._there(topic)
        self._sent[there] = topic
        message: dict[str, Any] = {
            "topic": there,
            "value": value,
            "key": key,
            "partition": partition,
            "headers": dict(headers or {}),
            "timestamp": timestamp_ms,
            "on_delivery": self._count,
        }
        if not self._queue(message):
            self._wait_for_room(message)

    def _wait_for_room(self, message: dict[str, Any]) -> None:
        self._patience.begin()
        while not self._queue(message):
            self._producer.poll(_LOOK_SECONDS)
            self._raise_failed()
            if ended := self._patience.ended():
                raise BrokerError(f"the send queue must drain; got it full {ended} ({self._bootstrap}){self._comfort}")

    def _queue(self, message: dict[str, Any]) -> bool:
        try:
            self._producer.produce(**message)
        except BufferError:
            return False
        except KafkaException as failure:
            where = f"{len(message['value'])} bytes for `{message['topic']}`"
            raise BrokerError(f"record must be sendable; got `{failure.args[0].str()}` ({where})") from None
        return True

    def _count(self, error: KafkaError | None, message: Message) -> None:
        _, partition = place = self._sent[str(message.topic())], int(message.partition() or 0)
        if error is None:
            self.delivered += 1
            offset = int(message.offset() or 0)
            if (end := self.ends.get(place, offset)) < offset:
                self.strangers.append((place, end, offset))
            self.ends[place] = offset + 1
            if self._on_stored is not None:
                self._on_stored(place, offset)
        else:
            self.failed += 1
            self._failed_since_flush += 1
            where = f"({message.topic()}, partition {partition})"
            self._first_failure = self._first_failure or f"`{error.str()}` {where}{remedy(error.code())}"

    def check(self) -> None:
        """Hear what the brokers answered so far, without waiting; raise if a record was given up."""
        self._producer.poll(0)
        self._raise_failed()

    def flush(self) -> None:
        """Wait until the brokers have everything that was sent; raise if a record was given up."""
        self._patience.begin()
        waiting = self._producer.flush(_LOOK_SECONDS)
        while waiting:
            self._raise_failed()
            if ended := self._patience.ended():
                raise BrokerError(
                    f"all records must be delivered; got {waiting} still waiting {ended}"
                    f" ({self._bootstrap}){self._comfort}"
                )
            waiting = self._producer.flush(_LOOK_SECONDS)
        self._raise_failed()

    @property
    def _comfort(self) -> str:
        return (
            ""
            if self._patience.seconds is not None
            else "; nothing is lost, the next start goes on from the last snapshot"
        )

    def _raise_failed(self) -> None:
        count, first = self._failed_since_flush, self._first_failure
        self._failed_since_flush, self._first_failure = 0, ""
        if count:
            raise BrokerError(f"all records must be delivered; got {count} given up, the first with {first}")
        if (ear := self._ear).refused:
            raise BrokerError(f"the broker must take what we send; got `{ear.refused}` ({self._bootstrap}){ear.remedy}")

    def close(self) -> None:
        """Flush; the producer is not used after that."""
        self.flush()
        self._ear.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def flow_producer(
    bootstrap: Where,
    metrics: Metrics,
    stop: Flag | None,
    stop_seconds: float,
    watch: BrokerWatch | None,
    linger_ms: int = LINGER_MS,
    on_stored: Callable[[Place, int], None] | None = None,
) -> RawProducer:
    """The producer of a sink of the flow: it waits for brokers without end, and its records may be large."""
    watch = watch or BrokerWatch(bootstrap, metrics)
    return RawProducer(
        bootstrap, ENDLESS, OWN_BYTES, stop=stop, stop_seconds=stop_seconds, watch=watch, linger_ms=linger_ms,
        on_stored=on_stored,
    )  # fmt: skip
