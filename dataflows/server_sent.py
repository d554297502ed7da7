"""Server-sent events as lines come in: what is between two empty lines is one event (HTML standard, 9.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """One event: its kind, the id to go on behind, and its text."""

    kind: str
    id: str
    data: str


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a stream. An id holds until another one comes; what the end of the stream cuts off is none."""
    kind, last_id = "", ""
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(kind or "message", last_id, "\n".join(data))
            kind, data = "", []
        elif name == "event":
            kind = value
        elif name == "id":
            last_id = value
        elif name == "data":
            data.append(value)
