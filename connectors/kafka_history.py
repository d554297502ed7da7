"""Writing a history into an intake log that no flow has begun: what arrived then stands where it would have stood."""

from __future__ import annotations

from typing import Self

from alerts.model import Arrival, Book
from connectors.address import Where
from connectors.handover import Handover
from connectors.kafka_client import partitions_of
from connectors.kafka_intake import last_arrivals
from connectors.kafka_producer import ENDLESS, RawProducer
from connectors.kafka_topics import INTAKE_LOG, OWN_BYTES
from connectors.log_writer import LogWriter

TICK_EVERY = 1_000  # events: a reader that merges the partitions waits for each of them


class HistoryLog:
    """Puts arrivals into the intake log under the times that they bring, strictly rising.

    Parallel by: nothing; it must be the only writer.
    Delivery: once. Of what is written again from its beginning, each partition gets what it has not yet.
    On failure: waits for brokers that are away until they are back. A record that was given up could leave a hole
    behind which others stand; none is. Broken off and written again, it goes on where each partition ends.
    """

    def __init__(self, bootstrap: Where, topic: str = INTAKE_LOG) -> None:
        count = partitions_of(bootstrap, [topic])[topic]
        self._producer = RawProducer(bootstrap, ENDLESS, OWN_BYTES)
        shown_us = last_arrivals(bootstrap, topic, count)
        self._held_until_us = max(shown_us.values())
        self._writer = LogWriter(self._producer, topic, shown_us, Handover())
        self._last_us = 0
        self._since_tick = 0
        self.written = 0  # events
        self.known = 0  # events that were there already

    def begin(self, book: Book, at_us: int) -> None:
        """The rules under which the history is judged; it begins at `at_us`."""
        self._last_us = at_us - 1
        self._writer.control(book, self._last_us)

    def add(self, arrival: Arrival) -> None:
        """The next event, in order of arrival."""
        self._last_us = max(arrival.arrived_us, self._last_us + 1)
        if self._writer.event(arrival, self._last_us):
            self.written += 1
        else:
            self.known += 1
        self._since_tick += 1
        if self._since_tick == TICK_EVERY:
            self._tick()

    @property
    def is_cut(self) -> bool:
        """Whether the log already goes on behind the last event that was given."""
        return self._held_until_us > self._last_us

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
        if kind is None:
            self.flush()
            self._producer.close()
