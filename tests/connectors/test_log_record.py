"""Records of the intake log: what is written is read back, and what is not ours is an error that says where."""

from __future__ import annotations

import pytest

from alerts.model import Arrival, Book, Event, ReadUp, from_us
from connectors.log_order import LogOrder
from connectors.log_record import decode, encode_control, encode_event, encode_tick, headers_of

AT = 1_772_000_000_000_000


def test_every_sort_of_record_is_read_back_with_its_arrival() -> None:
    event = Event(id="e", channel="police", action="received", occurred_at=from_us(AT - 5))
    headers = headers_of(Arrival(event, AT, "file:x:1", 7))
    book = Book(0, ({"id": "my.rule"},))
    read_up = ReadUp(0, ("hotline", "police"))

    arrived, record = decode(encode_event(event, AT), headers, "here")
    assert (arrived, record.arrived_us if record else 0) == (AT, AT)
    assert isinstance(record, Arrival)
    assert (record.event.id, record.source, record.produced_us) == ("e", "file:x:1", 7)
    assert decode(encode_tick(AT), {}, "here") == (AT, None)
    assert decode(encode_control(book, AT), {}, "here") == (AT, Book(AT, book.rules))
    assert decode(encode_control(read_up, AT), {}, "here") == (AT, ReadUp(AT, read_up.channels))


@pytest.mark.parametrize("value", [b"", b"{}", b'{"type":"book","arrived_us":"x"}', b'{"type":"tick"}', b"\xff"])
def test_what_is_not_ours_is_an_error_that_says_where(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"^intake log must hold events, ticks and rule books; got `.*` \(here\)$"):
        decode(value, {}, "here")


def test_a_book_stands_between_the_events_before_and_after_it_whatever_partition_they_are_in() -> None:
    order = LogOrder([0, 1])
    first, last = (Event(id=name, channel="police", action="received", occurred_at=from_us(AT)) for name in "ab")
    order.take(1, 0, AT + 1, Arrival(first, AT + 1))
    order.take(0, 0, AT + 2, Book(AT + 2, ()))
    order.take(0, 1, AT + 2, ReadUp(AT + 2, ("police",)))  # stamped no later: it counts as one microsecond after
    order.take(1, 1, AT + 4, Arrival(last, AT + 4))
    order.take(0, 2, AT + 9, None)
    order.take(1, 2, AT + 9, None)
    cut = order.release()

    assert cut is not None
    assert [type(record).__name__ for record in cut.arrivals] == ["Arrival", "Book", "ReadUp", "Arrival"]
    assert [record.arrived_us - AT for record in cut.arrivals] == [1, 2, 3, 4]
