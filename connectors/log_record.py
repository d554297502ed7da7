"""One record of the intake log as bytes: an event, a tick, a rule book, an action, or how far queues are read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from alerts.model import Act, Arrival, Book, Event, ReadUp, Record, Tick, from_us, to_us

SOURCE = "source"
PRODUCED = "produced_us"
UPSTREAM = "upstream"

_TICK = b'{"type":"tick",'
_BOOK = b'{"type":"book",'
_ACT = b'{"type":"act",'
_READ_UP = b'{"type":"read_up",'
_encode = msgspec.json.Encoder().encode
_decode_event = msgspec.json.Decoder(Event).decode
_decode_tick = msgspec.json.Decoder(Tick).decode
_decode_book = msgspec.json.Decoder(Book).decode
_decode_act = msgspec.json.Decoder(Act).decode
_decode_read_up = msgspec.json.Decoder(ReadUp).decode


def encode_event(event: Event, arrived_us: int) -> bytes:
    """The event with its place in time, as the log keeps it."""
    return _encode(msgspec.structs.replace(event, arrived_at=from_us(arrived_us)))


def encode_tick(at_us: int) -> bytes:
    """A tick: everything that arrived up to this instant stands before it in its partition."""
    return _encode(Tick(from_us(at_us)))


def encode_control(record: Book | ReadUp | Act, arrived_us: int) -> bytes:
    """What is no event: a rule book, how far the queues are read, or what a person does."""
    return _encode(msgspec.structs.replace(record, arrived_us=arrived_us))


def headers_of(arrival: Arrival) -> dict[str, bytes]:
    """What is told about the event beside it: where its row stood, when that was sent, and in which log it was read."""
    told = {SOURCE: arrival.source, UPSTREAM: arrival.upstream}
    headers = {name: value.encode() for name, value in told.items() if value}
    if arrival.produced_us:
        headers[PRODUCED] = str(arrival.produced_us).encode()
    return headers


def decode(value: bytes, headers: Mapping[str, bytes], where: object) -> tuple[int, Record | None]:
    """The arrival of a record, and what it holds unless it is a tick; a fault in our own log is an error.

    `where` it stands is put into words only for a fault.
    """
    try:
        if value.startswith(_TICK):
            return to_us(_decode_tick(value).at), None
        if value.startswith(_BOOK):
            book = _decode_book(value)
            return book.arrived_us, book
        if value.startswith(_READ_UP):
            read_up = _decode_read_up(value)
            return read_up.arrived_us, read_up
        if value.startswith(_ACT):
            act = _decode_act(value)
            return act.arrived_us, act
        event = _decode_event(value)
        if event.arrived_at is None:
            raise ValueError("no `arrived_at`")
        arrived_us = to_us(event.arrived_at)
        produced_us = int(headers.get(PRODUCED, b"0"))
    except (ValueError, msgspec.MsgspecError) as fault:
        raise ValueError(f"intake log must hold events, ticks and rule books; got `{fault}` ({where})") from None
    return arrived_us, Arrival(event, arrived_us, headers.get(SOURCE, b"").decode(), produced_us)
