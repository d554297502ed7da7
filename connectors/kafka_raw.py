"""What departments send: the raw topics, and the dead letters that are tried again, as one stream of rows."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.kafka_client import Place, partitions_of
from connectors.kafka_reader import BATCH, RawRecord, Reader
from connectors.metrics import Metrics

Offsets = dict[str, int]  # `topic/partition` and the next offset: what the recovery store keeps


class RawSource(FixedPartitionedSource[list[RawRecord], Offsets]):
    """Read whole topics with one consumer; an item is a list of records.

    Parallel by: nothing; one partition `raw` reads everything, so that admission sees one stream.
    Delivery: at least once; positions are in the flow's snapshot. A new topic is read from its beginning.
    On failure: waits through a broker that is away, and logs what passes. An offset that the broker no longer
    has stops the flow: going on would be a loss that nobody sees.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[str],
        stop: Event | None = None,
        *,
        until_end: bool = False,
        batch: int = BATCH,
        metrics: Metrics | None = None,
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._stop = stop or Event()
        self._until_end = until_end
        self._batch = batch
        self._metrics = metrics
        self._reader: Reader | None = None

    def read_up(self) -> tuple[str, ...]:
        """The topics that are read to their ends, as far as this process knows."""
        if self._reader is None:
            return ()
        behind = {topic for topic, _ in self._reader.behind}
        return tuple(sorted(topic for topic in self._topics if topic not in behind))

    def list_parts(self) -> list[str]:
        return ["raw"]

    def build_part(self, step_id: str, for_part: str, resume_state: Offsets | None) -> _RawPart:
        offsets = dict(resume_state or {})
        starts = {
            (topic, partition): offsets.get(_name((topic, partition)), -1)
            for topic, count in partitions_of(self._bootstrap, self._topics).items()
            for partition in range(count)
        }
        reader = self._reader = Reader(self._bootstrap, starts, self._batch, self._metrics)
        return _RawPart(reader, offsets, self._stop, self._until_end)


class _RawPart(StatefulSourcePartition[list[RawRecord], Offsets]):
    def __init__(self, reader: Reader, offsets: Offsets, stop: Event, until_end: bool) -> None:
        self._reader = reader
        self._offsets = offsets  # also of topics that are not read now: they may come back
        self._stop = stop
        self._until_end = until_end

    def next_batch(self) -> list[list[RawRecord]]:
        if self._stop.is_set():
            raise StopIteration
        records = self._reader.read()
        if not records:
            if self._until_end and self._reader.has_seen_the_end:
                raise StopIteration
            return []
        # of several records of a partition the last one stays
        self._offsets.update({_name((r.topic, r.partition)): r.offset + 1 for r in records})
        return [records]

    def snapshot(self) -> Offsets:
        return dict(self._offsets)

    def close(self) -> None:
        self._reader.close()


def _name(place: Place) -> str:
    return f"{place[0]}/{place[1]}"
