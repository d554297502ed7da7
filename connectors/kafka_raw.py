"""What departments send: the raw topics, and the dead letters that are tried again, as one stream of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.address import Where
from connectors.gate import Gate
from connectors.kafka_client import Place, Show, partitions_of, to_nobody
from connectors.kafka_progress import Shown
from connectors.kafka_reader import BATCH, RawRecord, Reader
from connectors.kafka_watch import BrokerWatch
from connectors.metrics import Metrics
from connectors.raw_queues import TopicQueues

Offsets = dict[str, int]  # `topic/partition` and the next offset: what the recovery store keeps

PREFETCH_KBYTES = 8_192  # what is fetched ahead of a topic that is paused is fetched again


class RawSource(FixedPartitionedSource[list[RawRecord], Offsets]):
    """Read whole topics with one consumer; an item is a list of records.

    Each topic has a short queue here, and each item takes an equal share of every topic that has rows: a flood
    in one delays the others by one item at most. While `gate` is closed nothing is given, and soon nothing read.

    Parallel by: nothing; one partition `raw` reads everything, so that admission sees one stream.
    Delivery: at least once; the positions of what was given are in the flow's snapshot. A new topic is read from
    its beginning, and so is a partition that is added while it runs, within a minute.
    On failure: waits through a broker that is away, and logs what passes. An offset that the broker no longer
    has stops the flow: going on would be a loss that nobody sees.
    """

    def __init__(
        self,
        bootstrap: Where,
        topics: Sequence[str],
        stop: Event | None = None,
        *,
        until_end: bool = False,
        batch: int = BATCH,
        metrics: Metrics | None = None,
        gate: Gate | None = None,
        watch: BrokerWatch | None = None,
        lost: Callable[[], Offsets] = dict,
        show: Show = to_nobody,
    ) -> None:
        """`lost` is asked for positions where there is no snapshot; `show` is told what is read next."""
        self._show = show
        self._lost = lost
        self._bootstrap = bootstrap
        self._topics = topics
        self._stop = stop or Event()
        self._until_end = until_end
        self._batch = batch
        self._metrics = metrics
        self._gate = gate or Gate()
        self._watch = watch
        self._part: _RawPart | None = None

    def read_up(self) -> tuple[str, ...]:
        """The topics that are read and given on to their ends, as far as this process knows."""
        return () if self._part is None else self._part.read_up()

    def list_parts(self) -> list[str]:
        return ["raw"]

    def build_part(self, step_id: str, for_part: str, resume_state: Offsets | None) -> _RawPart:
        offsets = dict(self._lost() if resume_state is None else resume_state)
        starts = {
            (topic, partition): offsets.get(_name((topic, partition)), -1)
            for topic, count in partitions_of(self._bootstrap, self._topics).items()
            for partition in range(count)
        }
        reader = Reader(
            self._bootstrap, starts, self._batch, self._metrics, watch=self._watch, prefetch_kbytes=PREFETCH_KBYTES
        )
        self._part = _RawPart(
            reader,
            TopicQueues(self._topics),
            offsets,
            self._batch,
            self._gate,
            self._stop,
            until_end=self._until_end,
            show=self._show,
        )
        return self._part


class _RawPart(StatefulSourcePartition[list[RawRecord], Offsets]):
    def __init__(
        self,
        reader: Reader,
        queues: TopicQueues,
        offsets: Offsets,
        batch: int,
        gate: Gate,
        stop: Event,
        *,
        until_end: bool,
        show: Show,
    ) -> None:
        self._reader = reader
        self._queues = queues
        self._offsets = offsets  # of what was given; also of topics that are not read now: they may come back
        self._batch = batch
        self._gate = gate
        self._stop = stop
        self._until_end = until_end
        self._shown = Shown(show, self._positions)
        self._paused: set[str] = set()

    def next_batch(self) -> list[list[RawRecord]]:
        if self._stop.is_set():
            raise StopIteration
        self._shown.now_and_then()
        has_read = self._read()
        if not self._gate.is_open():
            return []
        records = self._queues.take(self._batch)
        if not records:
            if self._until_end and not has_read and self._reader.has_seen_the_end:
                raise StopIteration
            return []
        # of several records of a partition the last one stays
        self._offsets.update({_name((r.topic, r.partition)): r.offset + 1 for r in records})
        return [records]

    def _read(self) -> bool:
        """Fill the queues; a topic whose queue is full is left out, so that the others are seen behind it."""
        has_read = False
        self._reader.take_up()
        while records := self._reader.read(0):
            has_read = True
            self._queues.put(records)
            self._balance()
            if len(records) < self._batch:
                break
        self._balance()
        return has_read

    def _balance(self) -> None:
        for topic in {topic for topic, _ in self._reader.places}:
            if topic not in self._paused and self._queues.is_full(topic):
                self._paused.add(topic)
                for place in self._places(topic):
                    self._reader.pause(place)
            elif topic in self._paused and self._queues.has_room(topic):
                self._paused.discard(topic)
                for place in self._places(topic):
                    self._reader.resume(place)

    def _places(self, topic: str) -> list[Place]:
        return [place for place in self._reader.places if place[0] == topic]

    def read_up(self) -> tuple[str, ...]:
        behind = {topic for topic, _ in self._reader.behind}
        topics = {topic for topic, _ in self._reader.places}
        return tuple(sorted(topic for topic in topics if topic not in behind and not self._queues.waiting(topic)))

    def snapshot(self) -> Offsets:
        self._shown.now()
        return dict(self._offsets)

    def _positions(self) -> dict[Place, int]:
        return {place: offset for place in self._reader.places if (offset := self._offsets.get(_name(place)))}

    def close(self) -> None:
        self._reader.close()


def place_named(name: str) -> Place:
    """The partition that `topic/partition` names in saved positions."""
    topic, _, partition = name.rpartition("/")
    return topic, int(partition)


def _name(place: Place) -> str:
    return f"{place[0]}/{place[1]}"
