"""The dead letters topic: rows that could not become an event, kept to be tried again."""

from __future__ import annotations

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts.model import DeadLetter
from connectors.kafka_producer import RawProducer
from connectors.kafka_topics import DEAD_LETTERS, OWN_BYTES
from connectors.metrics import Metrics

_encode = msgspec.json.Encoder().encode
_ROOM = 10_000  # for what a record is besides its value


class DeadLetterSink(FixedPartitionedSink[list[DeadLetter], None]):
    """Write dead letters; an item is a list of them. One too large for the topic goes without its sealed row.

    Parallel by: nothing; one partition `letters`.
    Delivery: at least once; a letter that comes twice has the same id, which is also its key.
    On failure: the client tries again for 30 s, then the flow stops.
    """

    def __init__(self, bootstrap: str, topic: str = DEAD_LETTERS, metrics: Metrics | None = None) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._metrics = metrics or Metrics()

    def list_parts(self) -> list[str]:
        return ["letters"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _DeadLettersPart:
        producer = RawProducer(self._bootstrap, largest_bytes=OWN_BYTES)
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
                self._producer.send(self._topic, _fitting(letter), key=letter.id.encode())
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
