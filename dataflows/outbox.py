"""The outbox of the doors outside the flow: what they admitted goes to Kafka, where the flow takes it from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

import msgspec

from alerts.model import DeadLetter, Event
from connectors.address import Where
from connectors.deadletter import Dropped
from connectors.door import Door
from connectors.kafka import DEAD_LETTERS, BrokerError, RawProducer, raw_topic, topics
from connectors.kafka_topics import OWN_BYTES, RAW_PREFIX, ROW_BYTES
from dataflows.admission import ADMITTED, CONTENT

PATIENCE_SECONDS = 30.0
LARGEST_EVENT = ROW_BYTES - 1_000  # bytes; the rest is for what a record is besides its value

Result = Event | DeadLetter | Dropped

_encode = msgspec.json.Encoder().encode


class Outbox:
    """Sends events to `raw.<channel>` as Event v1 and dead letters to `deadletters.v1`.

    The events say in a header that they were admitted, so the flow's own door lets them through as they are.

    Parallel by: whoever makes one; each has a producer of its own and belongs to one thread.
    Delivery: at least once; `send` only queues, `flush` returns when the brokers have everything.
    On failure: the client tries again for `patience` seconds, then `BrokerError`; it is not used after that.
    """

    def __init__(self, bootstrap: Where, patience: float = PATIENCE_SECONDS) -> None:
        self._producer = RawProducer(bootstrap, patience, OWN_BYTES)

    def send(self, result: Event | DeadLetter) -> None:
        """Queue one event or dead letter; waits while the queue is full."""
        if isinstance(result, Event):
            self._producer.send(raw_topic(result.channel), _encode(result), {CONTENT: ADMITTED})
        else:
            self._producer.send(DEAD_LETTERS, _encode(result), key=result.id.encode())

    def check(self) -> None:
        """Raise if something was given up already, without waiting."""
        self._producer.check()

    def flush(self) -> None:
        """Wait until the brokers have everything."""
        self._producer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # what was queued is sent also when a later row is trouble; not when the brokers are, nor at Ctrl-C
        if kind is None or (issubclass(kind, Exception) and not issubclass(kind, BrokerError)):
            self.flush()


def outbox_topics(channels: Iterable[str]) -> dict[str, int]:
    """The topics an outbox writes, for `ensure_topics`."""
    return {name: n for name, n in topics(channels).items() if name == DEAD_LETTERS or name.startswith(RAW_PREFIX)}


def sendable(door: Door, results: Iterable[Result], raw: Callable[[], bytes], source: str, now_us: int) -> list[Result]:
    """The same results; an event that no raw topic would take is a dead letter of the row it comes from."""
    return [_fitting(door, result, raw, source, now_us) for result in results]


def _fitting(door: Door, result: Result, raw: Callable[[], bytes], source: str, now_us: int) -> Result:
    if not isinstance(result, Event) or (size := len(_encode(result))) <= LARGEST_EVENT:
        return result
    sentence = f"event must be at most {LARGEST_EVENT} bytes to be sent on; got {size}"
    return door.refuse("too_large", sentence, raw(), source, now_us, result.channel)
