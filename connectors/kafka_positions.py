"""Where the intake goes on when nobody remembers: read off the intake log, which says of each event whence it came."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from connectors.address import Where
from connectors.kafka_client import BrokerError, partitions_of
from connectors.kafka_intake import last_arrivals
from connectors.kafka_raw import place_named
from connectors.kafka_reader import log_bounds, read_all, read_topic
from connectors.kafka_topics import INTAKE_LOG
from connectors.log_record import SOURCE, UPSTREAM, decode

MARGIN = timedelta(hours=1)  # what became no event stands not in the log, so a little is read again

_log = logging.getLogger("anlan.kafka")


def raw_positions(bootstrap: Where, topic: str = INTAKE_LOG, margin: timedelta = MARGIN) -> dict[str, int]:
    """For each `topic/partition` that the intake reads the offset to go on from; one that is not named: its beginning.

    All that arrived before the last hour of the log is taken to be done. The rows of that hour come again, with
    the `source` they had, by which detection knows them. Reads the whole log once.
    """
    count = partitions_of(bootstrap, [topic])[topic]
    last_us = max(last_arrivals(bootstrap, topic, count).values(), default=0)
    done_us = last_us - margin // timedelta(microseconds=1)
    found: dict[str, int] = {}
    read = 0
    for record in read_topic(bootstrap, topic):
        read += 1
        place, _, offset = _read_from(record.headers).rpartition("/")
        if place and record.produced_us <= done_us:
            found[place] = max(found.get(place, 0), int(offset.partition("#")[0]) + 1)
    if read:
        _log.warning("raw_positions_found_in_log records=%d partitions=%d", read, len(found))
    return {place: max(offset, _oldest(bootstrap, place, offset)) for place, offset in found.items()}


def _read_from(headers: Mapping[str, bytes]) -> str:
    """Where a record of the log was read: `topic/partition/offset`; nothing where that was no topic."""
    source = headers.get(SOURCE, b"").decode()
    kafka = source.removeprefix("kafka:") if source.startswith("kafka:") else ""
    return headers.get(UPSTREAM, b"").decode() or kafka


def _oldest(bootstrap: Where, place: str, wanted: int) -> int:
    """The oldest offset of a raw partition. Rows before it are gone; that they became events nobody knows."""
    topic, partition = place_named(place)
    try:
        oldest = log_bounds(bootstrap, topic)[partition][0]
    except (BrokerError, KeyError):  # a topic that is no more
        return 0
    if oldest > wanted:
        _log.error("raw_rows_gone topic=%s partition=%d from=%d until=%d", topic, partition, wanted, oldest)
    return oldest


def first_arrivals(bootstrap: Where, topic: str, partitions: int) -> dict[int, int]:
    """The arrival of the oldest record in each partition of the log, 0 where it is empty."""
    found = dict.fromkeys(range(partitions), 0)
    for partition in found:
        for record in read_all(bootstrap, {(topic, partition): -1}):
            found[partition] = decode(record.value, record.headers, record.source)[0]
            break
    return found
