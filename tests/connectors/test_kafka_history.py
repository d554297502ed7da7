"""A history in the intake log: each event where it would have stood, and nothing twice however often it breaks off."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import msgspec
import pytest
from broker_talk import NOON, REGIONS, read_log

from alerts.model import Arrival, Book, Event, from_us
from connectors.kafka import RawProducer, ensure_topics, read_all
from connectors.kafka_history import TICK_EVERY, HistoryLog, OtherHistoryError

pytestmark = pytest.mark.integration

PARTITIONS = 3
BOOK = Book(0, ({"id": "sp.any"},))


def history(count: int) -> list[Arrival]:
    """Events of some counties, several of them at one instant."""
    rng = Random(count)
    at_us = NOON
    found = []
    for number in range(count):
        at_us += rng.choice([0, 0, 1, 60_000_000])
        event = Event(
            id=f"e{number}", channel="police", action="received", occurred_at=from_us(at_us), region=rng.choice(REGIONS)
        )
        found.append(Arrival(event, at_us, f"file:a.jsonl:{number}"))
    return found


def write(bootstrap: str, topic: str, arrivals: Sequence[Arrival]) -> tuple[int, int]:
    """How many were written, and how many were there."""
    with HistoryLog(bootstrap, topic) as log:
        log.begin(BOOK, arrivals[0].arrived_us)
        for arrival in arrivals:
            log.add(arrival)
    return log.written, log.known


def partitions(bootstrap: str, topic: str) -> list[list[bytes]]:
    """The records of each partition."""
    return [[record.value for record in read_all(bootstrap, {(topic, n): 0})] for n in range(PARTITIONS)]


def copy(bootstrap: str, records: Sequence[Sequence[bytes]], topic: str) -> None:
    ensure_topics(bootstrap, {topic: PARTITIONS})
    with RawProducer(bootstrap) as producer:
        for partition, values in enumerate(records):
            for value in values:
                producer.send(topic, value, partition=partition)


def test_each_event_stands_where_it_arrived_behind_the_rules(bootstrap: str, topic_prefix: str) -> None:
    topic, arrivals = f"{topic_prefix}events.v1", history(2 * TICK_EVERY + 5)
    ensure_topics(bootstrap, {topic: PARTITIONS})

    assert write(bootstrap, topic, arrivals) == (len(arrivals), 0)

    book, *found = [record for each in read_log(bootstrap, topic) for record in each.arrivals]
    assert isinstance(book, Book)
    assert book == msgspec.structs.replace(BOOK, arrived_us=arrivals[0].arrived_us - 1)
    assert [one.event.id for one in found] == [one.event.id for one in arrivals]
    assert [one.source for one in found] == [one.source for one in arrivals]
    stamps = [one.arrived_us for one in found]
    assert all(a < b for a, b in pairwise(stamps))
    assert all(0 <= at - one.arrived_us < 1_000 for at, one in zip(stamps, arrivals, strict=True))


def test_broken_off_anywhere_it_goes_on_to_the_same_log(bootstrap: str, topic_prefix: str) -> None:
    """A crash leaves of each partition some beginning, of one more and of another less."""
    arrivals = history(TICK_EVERY + 200)
    whole = f"{topic_prefix}whole"
    ensure_topics(bootstrap, {whole: PARTITIONS})
    write(bootstrap, whole, arrivals)
    wanted = partitions(bootstrap, whole)
    rng = Random(7)

    for life in range(6):
        topic = f"{topic_prefix}life{life}"
        copy(bootstrap, [values[: rng.randrange(len(values) + 1)] for values in wanted], topic)
        written, known = write(bootstrap, topic, arrivals)

        assert partitions(bootstrap, topic) == wanted
        assert written + known == len(arrivals)
        assert write(bootstrap, topic, arrivals) == (0, len(arrivals))
        assert partitions(bootstrap, topic) == wanted


def changed(arrivals: Sequence[Arrival], number: int) -> list[Arrival]:
    """The same with another category in one of them."""
    other = msgspec.structs.replace(arrivals[number].event, category="other")
    return [*arrivals[:number], msgspec.structs.replace(arrivals[number], event=other), *arrivals[number + 1 :]]


def test_a_log_that_begins_with_something_else_is_left_alone(bootstrap: str, topic_prefix: str) -> None:
    topic, arrivals = f"{topic_prefix}events.v1", history(50)
    ensure_topics(bootstrap, {topic: PARTITIONS})
    write(bootstrap, topic, arrivals)
    before = partitions(bootstrap, topic)
    earlier = msgspec.structs.replace(arrivals[0], arrived_us=arrivals[0].arrived_us - 1)
    others = {
        "one is changed": changed(arrivals, 20),
        "one is missing": [*arrivals[:20], *arrivals[21:]],
        "older ones came before": [earlier, *arrivals],
        "one is between": [*arrivals[:20], arrivals[20], *arrivals[20:]],
    }

    for why, other in others.items():
        with pytest.raises(OtherHistoryError, match="must begin with what the intake log holds; got another record at"):
            write(bootstrap, topic, other)
        assert partitions(bootstrap, topic) == before, why

    with pytest.raises(OtherHistoryError, match=r"\(the rule book\)"), HistoryLog(bootstrap, topic) as log:
        log.begin(Book(0, ({"id": "sp.other"},)), arrivals[0].arrived_us)


def test_what_comes_behind_a_history_goes_behind_it(bootstrap: str, topic_prefix: str) -> None:
    topic, arrivals = f"{topic_prefix}events.v1", history(80)
    ensure_topics(bootstrap, {topic: PARTITIONS})
    write(bootstrap, topic, arrivals[:50])

    behind = [one for one in arrivals[50:] if one.arrived_us > arrivals[49].arrived_us + 50]

    assert write(bootstrap, topic, [*arrivals[:50], *behind]) == (len(behind), 50)


def test_a_history_that_ends_before_its_log_says_so(bootstrap: str, topic_prefix: str) -> None:
    topic, arrivals = f"{topic_prefix}events.v1", history(50)
    ensure_topics(bootstrap, {topic: PARTITIONS})
    write(bootstrap, topic, arrivals)

    for count, is_cut in ((50, False), (49, True)):
        with HistoryLog(bootstrap, topic) as log:
            log.begin(BOOK, arrivals[0].arrived_us)
            for arrival in arrivals[:count]:
                log.add(arrival)
            assert log.is_cut is is_cut
