"""Server-sent events: what was sent is what is read, however it is written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from litestar.response import ServerSentEventMessage

from dataflows.server_sent import Event, events

WORDS = st.text(st.characters(blacklist_categories=["C", "Zl", "Zp"]), min_size=1, max_size=9)


def test_an_event_is_what_stands_between_empty_lines() -> None:
    text = "event: revision\nid: 7\ndata: {}\n\n: here\n\nid: 8\ndata: a\ndata:b\n\ndata: cut off"

    assert list(events(text.split("\n"))) == [Event("revision", "7", "{}"), Event("message", "8", "a\nb")]


def test_an_id_holds_until_another_one_comes() -> None:
    assert [each.id for each in events(["id: 1", "data: a", "", "data: b", "", ""])] == ["1", "1"]


@given(st.lists(st.tuples(WORDS, st.integers(0, 10**9), WORDS)))
def test_what_the_service_writes_is_read_back(said: list[tuple[str, int, str]]) -> None:
    written = b"".join(ServerSentEventMessage(data, kind, str(place)).encode() for kind, place, data in said)

    assert list(events(written.decode().splitlines())) == [Event(kind, str(place), data) for kind, place, data in said]
