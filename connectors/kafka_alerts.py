"""The alerts topic: every revision, keyed by its alert, for whoever does not read the feeds."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from threading import Event as Flag
from zlib import crc32

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts.model import Revision, to_us
from connectors.kafka_client import BrokerError, partitions_of
from connectors.kafka_producer import STOP_SECONDS, RawProducer, flow_producer
from connectors.kafka_reader import RawRecord, ends, read_all
from connectors.kafka_topics import ALERTS
from connectors.kafka_watch import BrokerWatch
from connectors.metrics import Metrics

Ends = dict[int, int]  # for each partition the offset after what was surely written

_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("anlan.kafka")


class _Known(msgspec.Struct, frozen=True):
    """What is read back of a revision to know it again."""

    alert_id: str
    revision: int
    content_hash: str
    detected_at: datetime
    engine_epoch: int = 0


_decode = msgspec.json.Decoder(_Known).decode


class AlertTopicSink(FixedPartitionedSink[list[Revision], Ends]):
    """Write revisions to the alerts topic; an item is a list of them. They come in order of `detected_at`.

    Parallel by: nothing; one partition `alerts`. In Kafka an alert stays in one partition.
    Delivery: at least once, and after a restart nothing twice: the topic is read from where the last snapshot
    stood, and a revision that is there with the same content is not written again. Another content under the
    same number is written and counted: then detection was not deterministic. Without a snapshot the whole topic
    is read; some 400 bytes of each revision are kept until it has come again.
    On failure: waits through a broker that is away, and the whole flow with it; after `stop` is set for
    `stop_seconds` at most. When a flow with a greater engine epoch writes to the topic, this one stops.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str = ALERTS,
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
        return ["alerts"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: Ends | None) -> _AlertsPart:
        count = partitions_of(self._bootstrap, [self._topic])[self._topic]
        saved = resume_state or {}
        places = [(self._topic, partition) for partition in range(count)]
        now = {place: end for place, (end, _) in ends(self._bootstrap, places).items()}
        # an end that went back means another topic of this name: then all of it is read
        starts = {place: saved[place[1]] if 0 <= saved.get(place[1], -1) <= now[place] else -1 for place in now}
        written = _Written(read_all(self._bootstrap, starts))
        producer = flow_producer(self._bootstrap, self._metrics, self._stop, self._stop_seconds, self._watch)
        producer.ends.update(now)
        return _AlertsPart(self._bootstrap, producer, self._topic, saved, written, self._metrics)


class _Written:
    """Revisions that stand in the topic behind a snapshot, oldest first: they will come again."""

    def __init__(self, records: Iterable[RawRecord]) -> None:
        found = [(to_us(one.detected_at), _key(one), _content(one)) for one in (_decode(r.value) for r in records)]
        found.sort(key=lambda one: one[0])
        self._kept = OrderedDict((key, (detected_us, content)) for detected_us, key, content in found)

    def take(self, revision: Revision) -> bytes | None:
        """The content that a revision has in the topic, if it is there; forgets it, and all older ones."""
        detected_us = to_us(revision.detected_at)
        while self._kept and next(iter(self._kept.values()))[0] < detected_us:
            self._kept.popitem(last=False)  # what is older does not come any more
        kept = self._kept.pop(_key(revision), None)
        return None if kept is None else kept[1]

    def __len__(self) -> int:
        return len(self._kept)


class _AlertsPart(StatefulSinkPartition[list[Revision], Ends]):
    def __init__(
        self,
        bootstrap: str,
        producer: RawProducer,
        topic: str,
        saved: Ends,
        written: _Written,
        metrics: Metrics,
    ) -> None:
        self._bootstrap = bootstrap
        self._producer = producer
        self._topic = topic
        self._partitions = len(producer.ends)
        self._saved = saved
        self._written = written
        self._metrics = metrics
        self._counted = 0
        self._epoch = 0

    def write_batch(self, values: list[list[Revision]]) -> None:
        self._producer.check()
        for revisions in values:
            for revision in revisions:
                if not self._is_there(revision):
                    self._send(revision)

    def _is_there(self, revision: Revision) -> bool:
        known = self._written.take(revision)
        if known is None:
            return False
        if known != _content(revision):
            self._metrics.hashes_mismatched.labels(sink="kafka").inc()
            return False
        self._metrics.rows_skipped.labels(sink="kafka", reason="duplicate").inc()
        return True

    def _send(self, revision: Revision) -> None:
        self._epoch = revision.engine_epoch
        key = revision.alert_id.encode()
        headers = {"content_hash": revision.content_hash.encode()}
        partition = crc32(key) % self._partitions
        self._producer.send(self._topic, _encode(revision), headers, key=key, partition=partition)

    def snapshot(self) -> Ends:
        self._producer.flush()
        self._meet_strangers()
        written = self._producer.delivered - self._counted
        self._metrics.rows_written.labels(sink="kafka", table=self._topic).inc(written)
        self._counted += written
        if not self._written:  # else a restart must read back from the same place again
            self._saved = {partition: end for (_, partition), end in self._producer.ends.items()}
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


def greatest_topic_epoch(bootstrap: str, topic: str = ALERTS) -> int:
    """The greatest engine epoch among the last records of the topic's partitions; 0 where there are none."""
    places = [(topic, partition) for partition in range(partitions_of(bootstrap, [topic])[topic])]
    lasts = (last for _, last in ends(bootstrap, places).values())
    return max((_decode(last.value).engine_epoch for last in lasts if last is not None), default=0)


def _key(revision: Revision | _Known) -> bytes:
    return f"{revision.alert_id}/{revision.revision}".encode()


def _content(revision: Revision | _Known) -> bytes:
    return revision.content_hash.encode()[:32]  # of its 64 hex digits these tell contents apart
