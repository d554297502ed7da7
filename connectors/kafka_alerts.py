"""The alerts topic: every revision, keyed by its alert, for whoever does not read the feeds."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from zlib import crc32

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts.model import Revision
from connectors.kafka_client import partitions_of
from connectors.kafka_producer import RawProducer
from connectors.kafka_reader import ends, read_all
from connectors.kafka_topics import ALERTS, OWN_BYTES
from connectors.metrics import Metrics

Ends = dict[int, int]  # for each partition the offset after what was surely written

_encode = msgspec.json.Encoder().encode


class _Known(msgspec.Struct, frozen=True):
    """What is read back of a revision to know it again."""

    alert_id: str
    revision: int
    content_hash: str
    detected_at: datetime


_decode = msgspec.json.Decoder(_Known).decode
_Written = OrderedDict[tuple[str, int], _Known]


class AlertTopicSink(FixedPartitionedSink[list[Revision], Ends]):
    """Write revisions to the alerts topic; an item is a list of them. They come in order of `detected_at`.

    Parallel by: nothing; one partition `alerts`. In Kafka an alert stays in one partition.
    Delivery: at least once, and after a restart nothing twice: the topic is read from where the last snapshot
    stood, and a revision that is there with the same content is not written again. Another content under the
    same number is written and counted: then detection was not deterministic.
    On failure: the client tries again for 30 s, then the flow stops.
    """

    def __init__(self, bootstrap: str, topic: str = ALERTS, metrics: Metrics | None = None) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._metrics = metrics or Metrics()

    def list_parts(self) -> list[str]:
        return ["alerts"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: Ends | None) -> _AlertsPart:
        count = partitions_of(self._bootstrap, [self._topic])[self._topic]
        saved = resume_state or {}
        places = [(self._topic, partition) for partition in range(count)]
        now = {partition: end for (_, partition), (end, _) in ends(self._bootstrap, places).items()}
        # an end that went back means another topic of this name: then all of it is read
        starts = {(self._topic, p): saved[p] if 0 <= saved.get(p, -1) <= now[p] else -1 for p in now}
        written = _read_back(self._bootstrap, starts)
        producer = RawProducer(self._bootstrap, largest_bytes=OWN_BYTES)
        return _AlertsPart(producer, self._topic, saved, now, written, self._metrics)


class _AlertsPart(StatefulSinkPartition[list[Revision], Ends]):
    def __init__(
        self,
        producer: RawProducer,
        topic: str,
        saved: Ends,
        now: Ends,
        written: _Written,
        metrics: Metrics,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._saved = saved
        self._ends = now
        self._written = written  # by a run that did not live to snapshot it; it will come again
        self._metrics = metrics
        self._counted = 0

    def write_batch(self, values: list[list[Revision]]) -> None:
        self._producer.check()
        for revisions in values:
            for revision in revisions:
                self._forget_before(revision.detected_at)
                if not self._is_there(revision):
                    self._send(revision)

    def _forget_before(self, detected_at: datetime) -> None:
        """What is older than the revision at hand does not come any more."""
        while self._written and next(iter(self._written.values())).detected_at < detected_at:
            self._written.popitem(last=False)

    def _is_there(self, revision: Revision) -> bool:
        known = self._written.pop((revision.alert_id, revision.revision), None)
        if known is None:
            return False
        if known.content_hash != revision.content_hash:
            self._metrics.hashes_mismatched.labels(sink="kafka").inc()
            return False
        self._metrics.rows_skipped.labels(sink="kafka", reason="duplicate").inc()
        return True

    def _send(self, revision: Revision) -> None:
        key = revision.alert_id.encode()
        headers = {"content_hash": revision.content_hash.encode()}
        partition = crc32(key) % len(self._ends)
        self._producer.send(self._topic, _encode(revision), headers, key=key, partition=partition)

    def snapshot(self) -> Ends:
        self._producer.flush()
        written = self._producer.delivered - self._counted
        self._metrics.rows_written.labels(sink="kafka", table=self._topic).inc(written)
        self._counted += written
        self._ends.update({partition: end for (_, partition), end in self._producer.ends.items()})
        if not self._written:  # else a restart must read back from the same place again
            self._saved = dict(self._ends)
        return dict(self._saved)

    def close(self) -> None:
        self._producer.close()


def _read_back(bootstrap: str, starts: dict[tuple[str, int], int]) -> _Written:
    """What stands in the topic behind a snapshot, oldest first."""
    known = [_decode(record.value) for record in read_all(bootstrap, starts)]
    known.sort(key=lambda revision: revision.detected_at)
    return OrderedDict(((revision.alert_id, revision.revision), revision) for revision in known)
