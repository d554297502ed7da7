"""The alerts topics: every revision, and the last one of each alert, for whoever does not read the feeds."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from threading import Event as Flag
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts.model import Revision, to_us
from connectors.address import Where
from connectors.kafka_client import BrokerError, Place, partitions_of
from connectors.kafka_producer import STOP_SECONDS, RawProducer, flow_producer
from connectors.kafka_reader import RawRecord, ends, read_all
from connectors.kafka_topics import ALERTS, ALERTS_NOW
from connectors.kafka_watch import BrokerWatch
from connectors.metrics import Metrics

Ends = dict[Place, int]  # for each partition the offset after what was surely written
Saved = dict[Any, int]  # the same in a snapshot, where a number alone is a partition of the topic of all revisions

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("anlan.kafka")


class _Known(msgspec.Struct, frozen=True):
    """What is read back of a revision to know it again."""

    alert_id: str
    revision: int
    content_hash: str
    detected_at: datetime
    engine_epoch: int = 0
    feed_seq: int = 0


_decode = msgspec.json.Decoder(_Known).decode


class AlertTopicSink(FixedPartitionedSink[list[Revision], Saved]):
    """Write revisions to the alerts topics; an item is a list of them. They come in order of `detected_at`.

    In `topic` every revision stays; `now_topic` is compacted, so there the last one of each alert does.

    Parallel by: nothing; one partition `alerts`. In Kafka an alert stays in one partition.
    Delivery: at least once, and after a restart nothing twice: each topic is read from where the last snapshot
    stood, and a revision that is there with the same content is not written again, nor is one that `now_topic` is
    past. Another content under the same number is written and counted: then detection was not deterministic.
    Without a snapshot the whole topics are read; some 400 bytes of each revision are kept until it has come again.
    On failure: waits through a broker that is away, and the whole flow with it; after `stop` is set for
    `stop_seconds` at most. When a flow with a greater engine epoch writes to a topic, this one stops.
    """

    def __init__(
        self,
        bootstrap: Where,
        topic: str = ALERTS,
        metrics: Metrics | None = None,
        *,
        now_topic: str = ALERTS_NOW,
        stop: Flag | None = None,
        stop_seconds: float = STOP_SECONDS,
        watch: BrokerWatch | None = None,
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._now_topic = now_topic
        self._metrics = metrics or Metrics()
        self._stop = stop
        self._stop_seconds = stop_seconds
        self._watch = watch

    def list_parts(self) -> list[str]:
        return ["alerts"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: Saved | None) -> _AlertsPart:
        saved = {
            (self._topic, name) if isinstance(name, int) else name: end for name, end in (resume_state or {}).items()
        }
        counts = partitions_of(self._bootstrap, [self._topic, self._now_topic])
        places = [(topic, partition) for topic, count in counts.items() for partition in range(count)]
        now = {place: end for place, (end, _) in ends(self._bootstrap, places).items()}
        # an end that went back means another topic of this name: then all of it is read
        starts = {place: saved[place] if 0 <= saved.get(place, -1) <= now[place] else -1 for place in now}
        topics = [self._open(topic, counts[topic], starts) for topic in counts]
        producer = flow_producer(self._bootstrap, self._metrics, self._stop, self._stop_seconds, self._watch)
        producer.ends.update(now)
        return _AlertsPart(self._bootstrap, producer, topics, saved, self._metrics)

    def _open(self, topic: str, partitions: int, starts: Ends) -> _Topic:
        ours = {place: start for place, start in starts.items() if place[0] == topic}
        key = _key if topic == self._topic else _alert
        return _Topic(topic, partitions, _Written(read_all(self._bootstrap, ours), key))


class _There(NamedTuple):
    """What stands in a topic under a key."""

    detected_us: int
    revision: int
    content: bytes


class _Written:
    """What stands in a topic behind a snapshot, the last under each key, oldest first: it will come again."""

    def __init__(self, records: Iterable[RawRecord], key: Callable[[Revision | _Known], bytes]) -> None:
        self._key = key
        last = {key(one): _there(one) for one in (_decode(record.value) for record in records)}
        self._kept = OrderedDict(sorted(last.items(), key=lambda pair: pair[1].detected_us))

    def take(self, revision: Revision) -> _There | None:
        """What is there under the key of a revision, if it is as far; forgets what does not come any more."""
        detected_us = to_us(revision.detected_at)
        while self._kept and next(iter(self._kept.values())).detected_us < detected_us:
            self._kept.popitem(last=False)  # what is older does not come any more
        there = self._kept.get(self._key(revision))
        if there is not None and there.revision <= revision.revision:
            del self._kept[self._key(revision)]
        return there if there is not None and there.revision >= revision.revision else None

    def __len__(self) -> int:
        return len(self._kept)


class _Topic:
    """One topic: what stands in it behind the last snapshot, and how much was sent to it since."""

    def __init__(self, name: str, partitions: int, written: _Written) -> None:
        self.name = name
        self.partitions = partitions
        self.written = written
        self.sent = 0


class _AlertsPart(StatefulSinkPartition[list[Revision], Saved]):
    def __init__(
        self, bootstrap: Where, producer: RawProducer, topics: list[_Topic], saved: Ends, metrics: Metrics
    ) -> None:
        self._bootstrap = bootstrap
        self._producer = producer
        self._all, self._now = topics
        self._saved = saved
        self._metrics = metrics
        self._epoch = 0

    def write_batch(self, values: list[list[Revision]]) -> None:
        self._producer.check()
        for revisions in values:
            for revision in revisions:
                self._write(revision)

    def _write(self, revision: Revision) -> None:
        there = self._all.written.take(revision)
        if there is None or self._differs(there, revision):
            self._send(self._all, revision)
        else:
            self._metrics.rows_skipped.labels(sink="kafka", reason="duplicate").inc()
        last = self._now.written.take(revision)
        if last is None or (last.revision == revision.revision and last.content != _content(revision)):
            self._send(self._now, revision)

    def _differs(self, there: _There, revision: Revision) -> bool:
        differs = there.content != _content(revision)
        if differs:
            self._metrics.hashes_mismatched.labels(sink="kafka").inc()
        return differs

    def _send(self, topic: _Topic, revision: Revision) -> None:
        self._epoch = revision.engine_epoch
        key = revision.alert_id.encode()
        headers = {"content_hash": revision.content_hash.encode()}
        self._producer.send(topic.name, _encode(revision), headers, key=key, partition=crc32(key) % topic.partitions)
        topic.sent += 1

    def snapshot(self) -> Saved:
        self._producer.flush()
        self._meet_strangers()
        for topic in (self._all, self._now):
            self._metrics.rows_written.labels(sink="kafka", table=topic.name).inc(topic.sent)
            topic.sent = 0
            if not topic.written:  # else a restart must read back from the same place again
                ends_now = self._producer.ends.items()
                self._saved.update({place: end for place, end in ends_now if place[0] == topic.name})
        return dict(self._saved)

    def _meet_strangers(self) -> None:
        """Look at what another flow wrote between our own records."""
        strangers, self._producer.strangers = self._producer.strangers, []
        for place, first, end in strangers:
            for record in read_all(self._bootstrap, {place: first}):
                if record.offset >= end:
                    break
                epoch = _decode(record.value).engine_epoch
                if epoch > self._epoch:
                    raise BrokerError(
                        f"the alerts topic must have one writer; got engine epoch {epoch} in it while ours is"
                        f" {self._epoch} ({record.source}); stop one of the two flows"
                    )
                _log.warning("alert_written_by_another epoch=%d ours=%d at=%s", epoch, self._epoch, record.source)

    def close(self) -> None:
        self._producer.close()


def greatest_topic_epoch(bootstrap: Where, topic: str = ALERTS) -> int:
    """The greatest engine epoch among the last records of the topic's partitions; 0 where there are none."""
    return max((last.engine_epoch for last in _lasts(bootstrap, topic)), default=0)


def last_told(bootstrap: Where, topic: str = ALERTS) -> int:
    """The last place in the feed that the latest life of the flow has published; 0 where there is none."""
    return max(((last.engine_epoch, last.feed_seq) for last in _lasts(bootstrap, topic)), default=(0, 0))[1]


def _lasts(bootstrap: Where, topic: str) -> Iterator[_Known]:
    places = [(topic, partition) for partition in range(partitions_of(bootstrap, [topic])[topic])]
    return (_decode(last.value) for _, last in ends(bootstrap, places).values() if last is not None)


def _there(revision: _Known) -> _There:
    return _There(to_us(revision.detected_at), revision.revision, _content(revision))


def _alert(revision: Revision | _Known) -> bytes:
    return revision.alert_id.encode()


def _key(revision: Revision | _Known) -> bytes:
    return f"{revision.alert_id}/{revision.revision}".encode()


def _content(revision: Revision | _Known) -> bytes:
    return revision.content_hash.encode()[:32]  # of its 64 hex digits these tell contents apart
