"""Writing a history into an intake log that no flow has begun: what arrived then stands where it would have stood."""

from __future__ import annotations

from collections.abc import Generator
from typing import Self

from alerts.model import Arrival, Book, from_us
from connectors.address import Where
from connectors.handover import Handover
from connectors.kafka_client import partitions_of
from connectors.kafka_intake import last_arrivals
from connectors.kafka_producer import ENDLESS, RawProducer
from connectors.kafka_reader import read_all
from connectors.kafka_topics import INTAKE_LOG, OWN_BYTES
from connectors.log_record import decode, encode_control, encode_event
from connectors.log_writer import CONTROL, LogWriter

TICK_EVERY = 1_000  # events: a reader that merges the partitions waits for each of them


class OtherHistoryError(ValueError):
    """The log begins with another history than the one that is given."""


class HistoryLog:
    """Puts arrivals into the intake log under the times that they bring, strictly rising.

    Parallel by: nothing; it must be the only writer.
    Delivery: once. Of what is written again from its beginning, each partition gets what it has not yet; that what it
    has is the same is looked at, record by record.
    On failure: waits for brokers that are away until they are back. A record that was given up could leave a hole
    behind which others stand; none is. Broken off and written again, it goes on where each partition ends.
    """

    def __init__(self, bootstrap: Where, topic: str = INTAKE_LOG) -> None:
        count = partitions_of(bootstrap, [topic])[topic]
        self._producer = RawProducer(bootstrap, ENDLESS, OWN_BYTES)
        shown_us = last_arrivals(bootstrap, topic, count)
        self._held_until_us = max(shown_us.values())
        self._held = {partition: _held(bootstrap, topic, partition) for partition, at_us in shown_us.items() if at_us}
        self._writer = LogWriter(self._producer, topic, shown_us, Handover())
        self._last_us = 0
        self._since_tick = 0
        self.written = 0  # events
        self.known = 0  # events that were there already

    def begin(self, book: Book, at_us: int) -> None:
        """The rules under which the history is judged; it begins at `at_us`. Raises `OtherHistoryError`."""
        self._last_us = at_us - 1
        self._compare(CONTROL, encode_control(book, self._last_us), "the rule book")
        self._writer.control(book, self._last_us)

    def add(self, arrival: Arrival) -> None:
        """The next event, in order of arrival. Raises `OtherHistoryError`."""
        self._last_us = max(arrival.arrived_us, self._last_us + 1)
        partition = self._writer.partition_of(arrival.event)
        if partition in self._held:
            self._compare(partition, encode_event(arrival.event, self._last_us), arrival.source)
        if self._writer.has(partition, self._last_us):
            self.known += 1
        else:
            self._writer.event(arrival, self._last_us)
            self.written += 1
        self._since_tick += 1
        if self._since_tick == TICK_EVERY:
            self._tick()

    def _compare(self, partition: int, given: bytes, source: str) -> None:
        """Hold what stands next in a partition against what would; past its end there must be nothing more.

        It must be asked before that is sent, else it would be found here.
        """
        if partition not in self._held:
            return
        is_past = not self._writer.has(partition, self._last_us)
        if next(self._held[partition], None) != (None if is_past else given):
            at = from_us(self._last_us).isoformat()
            raise OtherHistoryError(
                f"a history that is given again must begin with what the intake log holds; got another record at {at}"
                f" ({source})"
            )
        if is_past:
            self._held.pop(partition).close()

    @property
    def is_cut(self) -> bool:
        """Whether the log already goes on behind the last event that was given."""
        return self._held_until_us > self._last_us or any(next(rest, None) for rest in self._held.values())

    def flush(self) -> None:
        """Say where it ends, and wait until the brokers have everything."""
        self._tick()
        self._producer.flush()

    def _tick(self) -> None:
        self._producer.check()
        self._writer.tick(self._last_us)
        self._since_tick = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for rest in self._held.values():
            rest.close()
        if kind is None:
            self.flush()
            self._producer.close()


def _held(bootstrap: Where, topic: str, partition: int) -> Generator[bytes, None, None]:
    """The records of a partition that are no ticks, as they stand there."""
    for record in read_all(bootstrap, {(topic, partition): 0}):
        if decode(record.value, record.headers, record)[1] is not None:
            yield record.value
