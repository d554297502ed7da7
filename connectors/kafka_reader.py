"""Reading bytes from Kafka: one consumer, no group, from offsets that the reader keeps itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, OFFSET_INVALID, KafkaError, Message, TopicPartition
from msgspec import Struct

from connectors.address import Where
from connectors.kafka_client import PATIENCE_SECONDS, BrokerError, OffsetGoneError, Place, partitions_of
from connectors.kafka_consumer import PREFETCH_KBYTES, bounds_of, consumer_of
from connectors.kafka_names import BrokerNames
from connectors.kafka_refusal import remedy
from connectors.kafka_watch import BrokerWatch
from connectors.metrics import Metrics

BATCH = 1000
POLL_SECONDS = 0.001

_log = logging.getLogger("anlan.kafka")
_GONE = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}
_FATAL = {
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError._AUTHENTICATION,
}


class RawRecord(Struct, frozen=True, gc=False):
    """One Kafka record as it came: bytes, where it stood, and when it was produced (0 where unknown)."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]
    produced_us: int

    @property
    def source(self) -> str:
        """The place of the record in one word: `kafka:raw.police/0/123`."""
        return f"kafka:{self.topic}/{self.partition}/{self.offset}"

    def __str__(self) -> str:
        return self.source


class Reader:
    """One consumer over some partitions, each from an offset of its own; -1 is the beginning.

    An offset that the broker no longer has, or does not have yet, is refused: a jump would be a loss. No record
    comes twice, also of a partition that was paused. What is fetched ahead is bounded.
    """

    def __init__(
        self,
        bootstrap: Where,
        starts: Mapping[Place, int],
        batch: int = BATCH,
        metrics: Metrics | None = None,
        *,
        watch: BrokerWatch | None = None,
        prefetch_kbytes: int = PREFETCH_KBYTES,
    ) -> None:
        self._bootstrap = bootstrap
        self._there = BrokerNames(bootstrap).there
        self._here = {self._there(topic): topic for topic, _ in starts}  # what we call the topics of messages
        self.places = list(starts)
        self._batch = batch
        self._not_at_end = set(starts)
        self.behind = set(starts)  # the partitions with records that are not read yet, as far as is known
        self._metrics = metrics
        self._seen: dict[Place, tuple[int, float]] = {}  # offset of the last record read, and when
        self._told_at = 0.0
        self._ear = (watch or BrokerWatch(bootstrap, metrics)).ear()
        self._consumer = consumer_of(bootstrap, self._ear, prefetch_kbytes)
        self._next = {place: self._start(place, offset) for place, offset in starts.items()}
        self.starts = dict(self._next)  # the first offset of each partition that is read
        self._consumer.assign([self._at(place, offset) for place, offset in self.starts.items()])
        self._known: dict[str, int] = {}

    def _at(self, place: Place, offset: int = OFFSET_INVALID) -> TopicPartition:
        """A place as the brokers name it."""
        return TopicPartition(self._there(place[0]), place[1], offset)

    def _start(self, place: Place, offset: int) -> int:
        low, high = bounds_of(self._consumer, self._at(place))
        where = f"{self._there(place[0])}, partition {place[1]}"
        if offset < 0:
            return low
        if offset < low:
            raise OffsetGoneError(
                f"the next record must still be in the topic; got {low} as the oldest, {offset} is next"
                f" ({where}); keep the topic for longer than the flow can be down"
            )
        # some brokers tell an end that is too small; the record behind it tells the truth
        if offset > high and offset > (end := ends(self._bootstrap, [place])[place][0]):
            raise OffsetGoneError(
                f"the topic must be as long as when it was last read; got the end {end}, {offset} is next"
                f" ({where}); was the broker emptied or replaced?"
            )
        return offset

    def read(self, seconds: float = POLL_SECONDS) -> list[RawRecord]:
        """What has come, at most one batch; waits no longer than told for the batch to fill."""
        records = []
        for message in self._consumer.consume(self._batch, seconds):
            if not self._is_trouble(message):
                record = _record(message, self._here[str(message.topic())])
                place = record.topic, record.partition
                if record.offset < self._next[place]:
                    continue  # fetched again after a pause
                self._next[place] = record.offset + 1
                records.append(record)
                self.behind.add(place)
        if (ear := self._ear).refused:
            raise BrokerError(f"the broker must let us read; got `{ear.refused}` ({self._bootstrap}){ear.remedy}")
        if self._metrics is not None:
            self._observe(self._metrics, records)
        return records

    def _observe(self, metrics: Metrics, records: list[RawRecord]) -> None:
        """Tell how far reading is, once a second; a broker that is gone shows in nothing else."""
        now = time.time()
        for record in records:
            self._seen[record.topic, record.partition] = record.offset, now
        if not self._seen or time.monotonic() < self._told_at + 1.0:
            return
        self._told_at = time.monotonic()
        for place, (offset, read_at) in self._seen.items():
            labels = {"topic": place[0], "partition": str(place[1])}
            bounds = self._consumer.get_watermark_offsets(self._at(place), cached=True)
            metrics.records_behind.labels(**labels).set(max(0, bounds[1] - offset - 1) if bounds else 0)
            metrics.record_read_at.labels(**labels).set(read_at)

    def _is_trouble(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return True  # the library looks for the group's broker all the same; nobody needs it
        where = f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
        if error.code() == KafkaError._PARTITION_EOF:
            place = (self._here[str(message.topic())], int(message.partition() or 0))
            self._not_at_end.discard(place)
            self.behind.discard(place)
        elif error.code() in _GONE:
            raise OffsetGoneError(
                f"the next record must still be in the topic; got `{error.str()}` ({where}); was it deleted, or the"
                " broker emptied or replaced?"
            )
        elif error.fatal() or error.code() in _FATAL:
            raise BrokerError(f"topic must be readable; got `{error.str()}` ({where}){remedy(error.code())}")
        else:
            _log.warning("read_failed error=%r where=%r", error.str(), where)
        return True

    @property
    def has_seen_the_end(self) -> bool:
        """Whether every partition was read up to what was its end at that moment."""
        return not self._not_at_end

    def pause(self, place: Place) -> None:
        """Leave a partition alone for a while; what was fetched of it is fetched again later."""
        self._consumer.pause([self._at(place)])

    def resume(self, place: Place) -> None:
        """Go on with a partition."""
        self._consumer.resume([self._at(place)])

    def leave(self, place: Place) -> None:
        """Read a partition no more; `go_on` begins again."""
        self._consumer.incremental_unassign([self._at(place)])

    def go_on(self, place: Place, offset: int) -> None:
        """Read a partition again that was left, from an offset."""
        self._next[place] = offset
        self._consumer.incremental_assign([self._at(place, offset)])

    def take_up(self) -> None:
        """Begin with the partitions that were added to topics meanwhile, each from its first record."""
        if self._ear.partitions is self._known:
            return
        self._known = self._ear.partitions
        topics = {topic for topic, _ in self.places}
        for place in [(topic, n) for topic in topics for n in range(self._known.get(self._there(topic), 0))]:
            if place not in self._next:
                self.places.append(place)
                self._not_at_end.add(place)
                self.behind.add(place)
                self._next[place] = 0
                self._consumer.incremental_assign([self._at(place, OFFSET_BEGINNING)])
                _log.warning("partition_added topic=%s partition=%d", *place)

    def passed(self, records: list[RawRecord]) -> None:
        """Records that came another way are counted like those that are read."""
        if records and self._metrics is not None:
            self._observe(self._metrics, records)

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()
        self._ear.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def ends(
    bootstrap: Where, places: Iterable[Place], seconds: float = PATIENCE_SECONDS
) -> dict[Place, tuple[int, RawRecord | None]]:
    """For each partition the offset that its next record will have, and its last record, if any."""
    wanted = list(places)
    if not wanted:
        return {}
    bounds = _bounds(bootstrap, wanted)
    last = {place: max(low, high - 1) for place, (low, high) in bounds.items()}
    # read on from what the broker calls the last record: some name the first of the last batch
    found: dict[Place, tuple[int, RawRecord | None]] = {place: (last[place], None) for place in wanted}
    for record in read_all(bootstrap, last, seconds):
        found[record.topic, record.partition] = (record.offset + 1, record)
    return found


def log_bounds(bootstrap: Where, topic: str, seconds: float = PATIENCE_SECONDS) -> dict[int, tuple[int, int]]:
    """For each partition of a topic the oldest offset that is there, and the one that its next record will have."""
    places = [(topic, partition) for partition in range(partitions_of(bootstrap, [topic], seconds)[topic])]
    lows = {place: low for place, (low, _) in _bounds(bootstrap, places).items()}
    return {place[1]: (lows[place], end) for place, (end, _) in ends(bootstrap, places, seconds).items()}


def count_records(bootstrap: Where, topic: str) -> int:
    """How many records a topic holds, as far as its offsets tell: of what was compacted away some count."""
    return sum(end - oldest for oldest, end in log_bounds(bootstrap, topic).values())


def read_topic(bootstrap: Where, topic: str) -> Iterator[RawRecord]:
    """Every record of a topic from its oldest to the end that is there now, as `read_all`."""
    partitions = partitions_of(bootstrap, [topic])[topic]
    return read_all(bootstrap, {(topic, partition): -1 for partition in range(partitions)})


def read_all(bootstrap: Where, starts: Mapping[Place, int], seconds: float = PATIENCE_SECONDS) -> Iterator[RawRecord]:
    """Every record from these offsets to the end that is there now; an end that does not come is an error."""
    with Reader(bootstrap, starts) as reader:
        end = time.monotonic() + seconds
        while not reader.has_seen_the_end:
            if batch := reader.read(0.005):
                yield from batch
                end = time.monotonic() + seconds  # whoever asks may have taken his time
            elif time.monotonic() > end:
                names = ", ".join(sorted(f"{topic}/{partition}" for topic, partition in starts))
                raise BrokerError(f"the end of `{names}` must be reached; got nothing for {seconds:g} s ({bootstrap})")


def _bounds(bootstrap: Where, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
    """For each partition the oldest offset and the end, as the broker tells them."""
    there = BrokerNames(bootstrap).there
    consumer = consumer_of(bootstrap)
    try:
        return {place: bounds_of(consumer, TopicPartition(there(place[0]), place[1])) for place in places}
    finally:
        consumer.close()


def _record(message: Any, topic: str) -> RawRecord:  # the library types each part as possibly absent; here none is
    kind, produced_ms = message.timestamp()
    return RawRecord(
        topic,
        message.partition(),
        message.offset(),
        message.key(),
        message.value() or b"",
        {name: value or b"" for name, value in message.headers() or ()},
        produced_ms * 1000 if kind else 0,
    )
