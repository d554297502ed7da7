"""The dead letters topic: rows that could not become an event, kept to be tried again."""

from __future__ import annotations

from threading import Event as Flag

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts.model import DeadLetter
from connectors.address import Where
from connectors.kafka_producer import STOP_SECONDS, RawProducer, flow_producer
from connectors.kafka_topics import DEAD_LETTERS, OWN_BYTES
from connectors.kafka_watch import BrokerWatch
from connectors.metrics import Metrics

_encode = msgspec.json.Encoder().encode
OF_INTAKE = "intake"  # header of a letter that the flow itself has written, and so knows
_ROOM = 10_000  # for what a record is besides its value


class DeadLetterSink(FixedPartitionedSink[list[DeadLetter], None]):
    """Write dead letters; an item is a list of them. One too large for the topic goes without its sealed row.

    Parallel by: nothing; one partition `letters`.
    Delivery: at least once; a letter that comes twice has the same id, which is also its key.
    On failure: waits through a broker that is away, and the whole flow with it; after `stop` is set for
    `stop_seconds` at most.
    """

    def __init__(
        self,
        bootstrap: Where,
        topic: str = DEAD_LETTERS,
        metrics: Metrics | None = None,
        *,
        stop: Flag | None = None,
        stop_seconds: float = STOP_SECONDS,
        watch: BrokerWatch | None = None,
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._metrics = metrics or Metrics()
        self._stop = stop
        self._stop_seconds = stop_seconds
        self._watch = watch

    def list_parts(self) -> list[str]:
        return ["letters"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _DeadLettersPart:
        producer = flow_producer(self._bootstrap, self._metrics, self._stop, self._stop_seconds, self._watch)
        return _DeadLettersPart(producer, self._topic, self._metrics)


class _DeadLettersPart(StatefulSinkPartition[list[DeadLetter], None]):
    def __init__(self, producer: RawProducer, topic: str, metrics: Metrics) -> None:
        self._producer = producer
        self._topic = topic
        self._written = metrics.rows_written.labels(sink="kafka", table=topic)

    def write_batch(self, values: list[list[DeadLetter]]) -> None:
        self._producer.check()
        for letters in values:
            for letter in letters:
                self._producer.send(self._topic, _fitting(letter), {OF_INTAKE: b"1"}, key=letter.id.encode())
            self._written.inc(len(letters))

    def snapshot(self) -> None:
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


def _fitting(letter: DeadLetter) -> bytes:
    value = _encode(letter)
    if len(value) <= OWN_BYTES - _ROOM:
        return value
    return _encode(msgspec.structs.replace(letter, sealed=""))
