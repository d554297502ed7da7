"""Sending bytes to Kafka."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka_client import PATIENCE_SECONDS, BrokerError, Place, client_config
from connectors.kafka_topics import ROW_BYTES


class RawProducer:
    """Sends bytes to topics, in order and without doubles inside one life of the producer.

    Parallel by: whoever makes one; each has its own connection and belongs to one thread.
    Delivery: at least once; `send` only queues, `flush` returns when the brokers have everything.
    On failure: the client tries again for `patience` seconds; after that `flush` raises, and so does `check`.
    """

    def __init__(self, bootstrap: str, patience: float = PATIENCE_SECONDS, largest_bytes: int = ROW_BYTES) -> None:
        self._bootstrap = bootstrap
        self._patience = patience
        self._first_failure = ""
        self._failed_since_flush = 0
        self.delivered = 0
        self.failed = 0
        self.ends: dict[Place, int] = {}  # for each partition the offset after the last record it took
        self._producer = Producer(
            {
                **client_config(bootstrap),
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 5,  # below that some brokers drown in small batches
                "compression.type": "lz4",
                "message.timeout.ms": int(patience * 1000),
                "message.max.bytes": largest_bytes,
                "queue.buffering.max.kbytes": 65_536,
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
        message: dict[str, Any] = {
            "topic": topic,
            "value": value,
            "key": key,
            "partition": partition,
            "headers": dict(headers or {}),
            "timestamp": timestamp_ms,
            "on_delivery": self._count,
        }
        end = time.monotonic() + self._patience
        while not self._queue(message):
            if time.monotonic() > end:
                raise BrokerError(
                    f"the send queue must drain; got it full for {self._patience:g} s ({self._bootstrap})"
                )
            self._producer.poll(0.05)

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
        topic, partition = str(message.topic()), int(message.partition() or 0)
        if error is None:
            self.delivered += 1
            self.ends[topic, partition] = int(message.offset() or 0) + 1
        else:
            self.failed += 1
            self._failed_since_flush += 1
            self._first_failure = self._first_failure or f"`{error.str()}` ({topic}, partition {partition})"

    def check(self) -> None:
        """Hear what the brokers answered so far, without waiting; raise if a record was given up."""
        self._producer.poll(0)
        self._raise_failed()

    def flush(self) -> None:
        """Wait until the brokers have everything that was sent; raise if a record was given up."""
        waiting = self._producer.flush(self._patience + 1)
        self._raise_failed()
        if waiting:
            raise BrokerError(f"all records must be delivered; got {waiting} still waiting ({self._bootstrap})")

    def _raise_failed(self) -> None:
        count, first = self._failed_since_flush, self._first_failure
        self._failed_since_flush, self._first_failure = 0, ""
        if count:
            raise BrokerError(f"all records must be delivered; got {count} given up, the first with {first}")

    def close(self) -> None:
        """Flush; the producer is not used after that."""
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
