"""Putting records into the partitions of the intake log."""

from __future__ import annotations

from zlib import crc32

from alerts.model import Act, Arrival, Book, Event, ReadUp
from connectors.handover import Handover
from connectors.kafka_producer import RawProducer
from connectors.log_record import encode_control, encode_event, encode_tick, headers_of

NO_COUNTY = "000000"
CONTROL = 0  # the partition of what is no event


class LogWriter:
    """Sends records of the intake log, each into its partition, under arrivals that its caller says.

    A county stays in one partition; what is no event goes into the first, and a tick into every one. Arrivals must
    rise strictly. What a partition has already, up to its last arrival, it does not get again.
    """

    def __init__(self, producer: RawProducer, topic: str, shown_us: dict[int, int], handover: Handover) -> None:
        """`shown_us` is the last arrival in each partition, 0 where it is empty."""
        self._producer = producer
        self._topic = topic
        self._shown_us = shown_us
        self._handover = handover

    @property
    def partitions(self) -> int:
        """How many there are."""
        return len(self._shown_us)

    def partition_of(self, event: Event) -> int:
        """Where an event stands."""
        return self._place(_key(event))

    def _place(self, key: bytes) -> int:
        return crc32(key) % len(self._shown_us)

    def has(self, partition: int, at_us: int) -> bool:
        """Whether the partition has already what arrived at this instant."""
        return at_us <= self._shown_us[partition]

    def event(self, arrival: Arrival, at_us: int) -> None:
        """Send an event."""
        key = _key(arrival.event)
        partition = self._place(key)
        if not self.has(partition, at_us):
            self._send(encode_event(arrival.event, at_us), at_us, partition, headers_of(arrival), key)

    def control(self, record: Book | ReadUp | Act, at_us: int) -> None:
        """Send what is no event."""
        if not self.has(CONTROL, at_us):
            self._send(encode_control(record, at_us), at_us, CONTROL, {}, None)

    def tick(self, at_us: int) -> None:
        """Tell every partition that everything which arrived up to this instant stands before it."""
        value = encode_tick(at_us)
        for partition, shown_us in self._shown_us.items():
            if shown_us < at_us:
                self._send(value, at_us, partition, {}, None)

    def _send(self, value: bytes, at_us: int, partition: int, headers: dict[str, bytes], key: bytes | None) -> None:
        self._handover.sent(partition, value, headers)
        # the broker keeps records by their time: it must be ours, a department's clock may be years off
        self._producer.send(self._topic, value, headers, at_us // 1000, key=key, partition=partition)
        self._shown_us[partition] = at_us


def _key(event: Event) -> bytes:
    return county_of(event).encode()


def county_of(event: Event) -> str:
    """The county an event belongs to, six digits: of its region, else of its grid, else nobody's."""
    return (event.region or event.grid or NO_COUNTY)[:6]
