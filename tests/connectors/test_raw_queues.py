"""Rows of several topics are given in turns; what is queued is bounded in rows and bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka import RawRecord
from connectors.raw_queues import TopicQueues

TOPICS = ("raw.hotline", "raw.police", "raw.letters")


def row(topic: str, number: int, size: int = 1) -> RawRecord:
    return RawRecord(topic, 0, number, None, b"x" * size, {}, 0)


def queues(*waiting: int, rows: int = 100, size: int = 1000) -> TopicQueues:
    made = TopicQueues(TOPICS, rows, size)
    for topic, count in zip(TOPICS, waiting, strict=False):
        made.put(row(topic, number) for number in range(count))
    return made


def shares(records: list[RawRecord]) -> list[int]:
    return [sum(record.topic == topic for record in records) for topic in TOPICS]


def test_a_flood_takes_what_the_others_leave_and_no_more() -> None:
    waiting = queues(1000, 3, 40)

    assert shares(waiting.take(60)) == [29, 3, 28]
    assert shares(waiting.take(60)) == [48, 0, 12]
    assert shares(waiting.take(60)) == [60, 0, 0]


def test_with_fewer_places_than_topics_they_take_turns() -> None:
    waiting = queues(10, 10, 10)

    given = [shares(waiting.take(1)) for _ in range(3)]

    assert sorted(given) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_a_queue_is_full_by_rows_or_by_bytes_and_has_room_when_little_is_left() -> None:
    waiting = queues(100, 4)
    waiting.put([row("raw.police", 4, size=1000)])

    assert waiting.is_full("raw.hotline")
    assert waiting.is_full("raw.police")
    assert not waiting.is_full("raw.letters")
    assert not waiting.has_room("raw.police")
    waiting.take(70)
    assert not waiting.has_room("raw.hotline")
    waiting.take(20)
    assert waiting.has_room("raw.hotline")
    assert waiting.has_room("raw.police")


@given(
    st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(0, 50))),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_every_row_comes_once_in_the_order_of_its_topic(puts: list[tuple[str, int]], takes: list[int]) -> None:
    waiting = TopicQueues(TOPICS)
    put: list[RawRecord] = []
    taken: list[RawRecord] = []
    for at, (topic, count) in enumerate(puts):
        rows = [row(topic, len(put) + number) for number in range(count)]
        put += rows
        waiting.put(rows)
        got = waiting.take(takes[at % len(takes)])
        assert len(got) == min(takes[at % len(takes)], len(got) + len(waiting))
        taken += got
    while got := waiting.take(takes[0]):
        taken += got

    for topic in TOPICS:
        assert [r for r in taken if r.topic == topic] == [r for r in put if r.topic == topic]
    assert len(waiting) == 0
