"""An intake log in a broker that holds just the records a test wants, each with the arrival it was given."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import msgspec

from alerts.desk.routing_file import RoutingFile
from alerts.model import Arrival, Book, Record
from alerts.rule_book import without_tests
from alerts.rule_file import RuleFile
from connectors.kafka import INTAKE_LOG, RawProducer, ensure_topics
from connectors.log_record import encode_control, encode_event, encode_tick, headers_of
from connectors.log_writer import county_of

PARTITIONS = 3
AFTER_US = 1_000  # the ticks at the end of what is written come so much later


def book_at(at_us: int, rules: Sequence[RuleFile], routing: RoutingFile | None = None) -> Book:
    """A rule book as the intake writes it, with a routing or without one."""
    told = {} if routing is None else msgspec.to_builtins(routing)
    return Book(at_us, tuple(msgspec.to_builtins(without_tests(rule)) for rule in rules), told)


def write_log(bootstrap: str, records: Sequence[Record], topic: str = INTAKE_LOG) -> None:
    """Append records, whose arrivals rise, and a tick behind them in every partition, as the intake does."""
    ensure_topics(bootstrap, {topic: PARTITIONS})
    with RawProducer(bootstrap, largest_bytes=4_000_000) as producer:
        for record in records:
            at_ms = record.arrived_us // 1000
            if isinstance(record, Arrival):
                county = county_of(record.event).encode()
                value, headers = encode_event(record.event, record.arrived_us), headers_of(record)
                producer.send(topic, value, headers, at_ms, key=county, partition=crc32(county) % PARTITIONS)
            else:
                producer.send(topic, encode_control(record, record.arrived_us), {}, at_ms, partition=0)
        for partition in range(PARTITIONS):
            end_us = records[-1].arrived_us + AFTER_US
            producer.send(topic, encode_tick(end_us), {}, end_us // 1000, partition=partition)
        producer.flush()


def rising(records: Sequence[Record]) -> list[Record]:
    """The same records with arrivals that rise strictly, as the intake stamps them."""
    found: list[Record] = []
    last_us = 0
    for record in records:
        last_us = max(record.arrived_us, last_us + 1)
        found.append(msgspec.structs.replace(record, arrived_us=last_us))
    return found
