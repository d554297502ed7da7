"""Following a feed: behind which place it asks again, what it leaves out, and how long it waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec
from revisions import a_revision

from alerts.model import Revision
from dataflows.alert_tail import PAUSES, follow
from dataflows.api.answers import Snapshot
from dataflows.api_client import GoneError, LostError, Told

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
LOST, GONE = LostError("service must answer"), GoneError("place must be in the feed")

Said = Told | Exception


def revision(name: str, number: int = 1) -> Revision:
    return a_revision(name, number, AT)


def told(place: int, name: str, number: int = 1) -> Told:
    return Told("revision", place, msgspec.json.encode(revision(name, number)).decode())


class Feed:
    """A service whose connections each say what they were told to, and then end."""

    def __init__(self, *connections: list[Said], open_now: Snapshot | None = None) -> None:
        self._connections = list(connections)
        self._open = open_now
        self.asked: list[int | None] = []
        self.pauses: list[float] = []

    def stream(self, after: int | None) -> Iterator[Told]:
        self.asked.append(after)
        for each in self._connections.pop(0):
            if isinstance(each, Exception):
                raise each
            yield each

    def snapshot(self) -> Snapshot:
        assert self._open is not None
        return self._open

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def seen(feed: Any, count: int, after: int | None = None, **how: Any) -> list[tuple[str, int]]:
    found = islice(follow(feed, after, lambda _: None, **how), count)
    return [(each.alert_id, each.revision) for each in found]


def test_it_asks_behind_the_last_place_also_where_only_the_beginning_was_said() -> None:
    feed = Feed(
        [Told("begin", 7, "{}"), LOST], [Told("begin", 7, "{}"), told(8, "a"), Told("left", 9, "{}")], [told(10, "b")]
    )

    assert seen(feed, 2) == [("a", 1), ("b", 1)]
    assert feed.asked == [None, 7, 9]


def test_the_pauses_grow_to_the_longest_and_begin_anew_once_something_was_said() -> None:
    lost: list[list[Said]] = [[LOST] for _ in range(len(PAUSES) + 1)]
    feed = Feed(*lost, [told(1, "a"), LOST], [told(2, "b")])

    assert seen(feed, 2, after=0) == [("a", 1), ("b", 1)]
    assert feed.pauses == [*PAUSES, PAUSES[-1], PAUSES[0]]


def test_what_was_said_as_open_does_not_come_again() -> None:
    open_now = Snapshot("alerts:all", 5, [revision("a", 3)])
    feed = Feed([told(6, "a", 3), told(7, "a", 4)], open_now=open_now)

    assert seen(feed, 2, with_open=True) == [("a", 3), ("a", 4)]
    assert feed.asked == [5]


def test_a_place_that_is_gone_is_what_is_open_and_what_comes_behind_it() -> None:
    open_now = Snapshot("alerts:all", 90, [revision("a", 3)])
    feed = Feed([GONE], [told(91, "b")], open_now=open_now)

    assert seen(feed, 2, after=1) == [("a", 3), ("b", 1)]
    assert feed.asked == [1, 90]
    assert feed.pauses == []
