"""Writing the intake log: every admitted event gets its place in the one order."""

from __future__ import annotations

from collections import Counter
from threading import Event as Flag

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts.model import Arrival, Record, Tick
from connectors.address import Where
from connectors.arrival_stamps import Clock, Stamps
from connectors.gate import Gate
from connectors.handover import Handover
from connectors.kafka_client import partitions_of
from connectors.kafka_producer import STOP_SECONDS, RawProducer, flow_producer
from connectors.kafka_reader import ends
from connectors.kafka_topics import INTAKE_LOG
from connectors.kafka_watch import BrokerWatch
from connectors.log_record import decode
from connectors.log_writer import LogWriter
from connectors.metrics import Metrics

Logged = Record | Tick

LINGER_MS = 1  # a batch is sent in one go: nothing is gained by waiting for more


class IntakeLogSink(FixedPartitionedSink[list[Logged], int]):
    """Write admitted events to the intake log; an item is a list of arrivals, rule books and ticks, in their order.

    What `arrived_us` an arrival brings is not looked at: it is stamped here, from the clock, strictly rising
    over all partitions and never going back, not after a restart and not when the machine's clock does.
    A county stays in one partition. A tick goes into every partition, and so does the end of every batch: a
    reader that merges the partitions waits for each of them.

    Parallel by: nothing; one partition `log` is the only writer, that is what makes the order one.
    Delivery: at least once; everything is acknowledged by all replicas before the flow's snapshot is taken.
    After a crash the same rows may be written again, with later arrivals and the same `source`.
    On failure: waits through a broker that is away, and the whole flow with it; after `stop` is set for
    `stop_seconds` at most.
    """

    def __init__(
        self,
        bootstrap: Where,
        clock: Clock,
        topic: str = INTAKE_LOG,
        metrics: Metrics | None = None,
        *,
        gate: Gate | None = None,
        stop: Flag | None = None,
        stop_seconds: float = STOP_SECONDS,
        watch: BrokerWatch | None = None,
        handover: Handover | None = None,
    ) -> None:
        """`gate` is told what is written, `handover` what stands in the log."""
        self._bootstrap = bootstrap
        self._clock = clock
        self._topic = topic
        self._metrics = metrics or Metrics()
        self._gate = gate or Gate()
        self._stop = stop
        self._stop_seconds = stop_seconds
        self._watch = watch
        self._handover = handover or Handover()

    def list_parts(self) -> list[str]:
        return ["log"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _IntakeLogPart:
        count = partitions_of(self._bootstrap, [self._topic])[self._topic]
        shown_us = last_arrivals(self._bootstrap, self._topic, count)
        last_us = max(resume_state or 0, *shown_us.values())
        self._gate.log_ends_at(last_us)
        stamps = Stamps(self._clock, last_us, self._metrics)
        producer = flow_producer(
            self._bootstrap, self._metrics, self._stop, self._stop_seconds, self._watch, LINGER_MS,
            lambda place, offset: self._handover.stored(place[1], offset),
        )  # fmt: skip
        return _IntakeLogPart(producer, self._topic, shown_us, stamps, self._metrics, self._gate, self._handover)


class _IntakeLogPart(StatefulSinkPartition[list[Logged], int]):
    def __init__(
        self,
        producer: RawProducer,
        topic: str,
        shown_us: dict[int, int],
        stamps: Stamps,
        metrics: Metrics,
        gate: Gate,
        handover: Handover,
    ) -> None:
        handover.begin(producer.check)
        self._handover = handover
        self._producer = producer
        self._writer = LogWriter(producer, topic, shown_us, handover)
        self._stamps = stamps
        self._metrics = metrics
        self._gate = gate

    def write_batch(self, values: list[list[Logged]]) -> None:
        self._producer.check()
        admitted: Counter[str] = Counter()
        for items in values:
            for item in items:
                at_us = self._stamps.next()
                if isinstance(item, Tick):
                    self._writer.tick(at_us)
                    self._metrics.ticks_written.inc(self._writer.partitions)
                elif isinstance(item, Arrival):
                    self._writer.event(item, at_us)
                    admitted[item.event.channel] += 1
                else:
                    self._writer.control(item, at_us)
        self._gate.admitted(admitted.total(), self._stamps.last_us)
        self._writer.tick(self._stamps.last_us)  # where the batch ended, for partitions that got nothing at the end
        for channel, count in admitted.items():
            self._metrics.events_admitted.labels(channel=channel).inc(count)

    def snapshot(self) -> int:
        self._producer.flush()
        return self._stamps.last_us

    def close(self) -> None:
        self._handover.end()
        self._producer.close()


def last_arrivals(bootstrap: Where, topic: str, partitions: int) -> dict[int, int]:
    """The arrival of the last record in each partition of the log, 0 where it is empty."""
    tails = ends(bootstrap, [(topic, partition) for partition in range(partitions)])
    return {
        partition: decode(last.value, last.headers, last.source)[0] if last is not None else 0
        for (_, partition), (_, last) in tails.items()
    }
