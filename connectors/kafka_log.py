"""Reading the intake log: all partitions by one consumer, merged into the one order."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from alerts.model import Slice
from connectors.address import Where
from connectors.gate import Gate
from connectors.handover import Handover
from connectors.kafka_client import Place, Show, partitions_of, to_nobody
from connectors.kafka_progress import Shown
from connectors.kafka_reader import BATCH, Reader
from connectors.kafka_topics import INTAKE_LOG
from connectors.kafka_watch import BrokerWatch
from connectors.log_order import LogOrder, LogPosition
from connectors.log_reader import LogReader
from connectors.log_record import decode
from connectors.metrics import Metrics

HELD_AT_MOST = 20_000  # records of one partition that wait for the others; beyond that it is not read on


class LogSource(FixedPartitionedSource[Slice, LogPosition]):
    """Read the intake log in its one order; an item is everything between two instants of its clock.

    Parallel by: nothing; one partition `log` merges all partitions of the topic, or those that are given.
    Delivery: at least once, always in the same order; the position is in the flow's snapshot, and what was
    held back is read again. With `until_end` the log is taken to end where it ends now. `gate` is told how far
    detection is: in a flow with one worker what was given is through when more is asked for.
    On failure: waits through a broker that is away. A record that is not ours, an offset that is gone and a
    log that is shorter than it was stop the flow.
    """

    def __init__(
        self,
        bootstrap: Where,
        topic: str = INTAKE_LOG,
        stop: Event | None = None,
        *,
        partitions: Sequence[int] | None = None,
        until_end: bool = False,
        batch: int = BATCH,
        metrics: Metrics | None = None,
        gate: Gate | None = None,
        watch: BrokerWatch | None = None,
        handover: Handover | None = None,
        show: Show = to_nobody,
    ) -> None:
        """`handover` gives sooner what a sink in this process has written; `show` is told what comes next."""
        self._show = show
        self._bootstrap = bootstrap
        self._topic = topic
        self._stop = stop or Event()
        self._partitions = partitions
        self._until_end = until_end
        self._batch = batch
        self._metrics = metrics
        self._gate = gate or Gate()
        self._watch = watch
        self._handover = handover or Handover()

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(self, step_id: str, for_part: str, resume_state: LogPosition | None) -> _LogPart:
        count = partitions_of(self._bootstrap, [self._topic])[self._topic]
        order = LogOrder(self._partitions or range(count), resume_state)
        starts = {(self._topic, partition): offset for partition, offset in order.position()[1].items()}
        reader = Reader(self._bootstrap, starts, self._batch, self._metrics, watch=self._watch)
        self._gate.read_from(order.position()[0])
        log = LogReader(reader, self._batch, self._handover)
        return _LogPart(log, order, self._gate, self._stop, self._until_end, self._show)


class _LogPart(StatefulSourcePartition[Slice, LogPosition]):
    def __init__(
        self, reader: LogReader, order: LogOrder, gate: Gate, stop: Event, until_end: bool, show: Show
    ) -> None:
        self._reader = reader
        self._order = order
        self._gate = gate
        self._given: Slice | None = None
        self._stop = stop
        self._until_end = until_end
        self._shown = Shown(show, self._positions)
        self._ended = False
        self._paused: set[int] = set()

    def next_batch(self) -> list[Slice]:
        if self._ended or self._stop.is_set():
            raise StopIteration
        if self._given is not None:
            self._gate.passed(len(self._given.arrivals), self._given.clock_us)
        self._read()
        self._given = self._order.release_all() if self._ended else self._order.release()
        self._balance()
        self._shown.now_and_then()
        return [] if self._given is None else [self._given]

    def _read(self) -> None:
        records = self._reader.read()
        for record in records:
            stamp_us, arrival = decode(record.value, record.headers, record)
            self._order.take(record.partition, record.offset, stamp_us, arrival)
        self._ended = self._until_end and not records and self._reader.has_seen_the_end

    def _balance(self) -> None:
        """Let no partition run far ahead; the one that all others wait for holds nothing, so it runs."""
        for topic, partition in self._reader.places:
            held = self._order.held(partition)
            if held > HELD_AT_MOST and partition not in self._paused:
                self._reader.pause((topic, partition))
                self._paused.add(partition)
            elif held <= HELD_AT_MOST // 4 and partition in self._paused:
                self._reader.resume((topic, partition))
                self._paused.discard(partition)

    def snapshot(self) -> LogPosition:
        self._shown.now()
        return self._order.position()

    def _positions(self) -> dict[Place, int]:
        offsets = self._order.position()[1]
        return {place: offset for place in self._reader.places if (offset := offsets[place[1]]) >= 0}

    def close(self) -> None:
        self._reader.close()
