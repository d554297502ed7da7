"""The feeds in Redis written again after Redis was lost: as they were, with everybody's place in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, Self, TypeVar, cast

import msgspec

from alerts.model import Acted, Revision, to_us
from connectors.address import Where, address_of
from connectors.metrics import Metrics
from connectors.redis import CHUNK, FeedRetention, Publisher
from connectors.redis_client import answered, connect, require_redis
from connectors.redis_entry import OPEN_STATES, entry_of
from connectors.redis_keys import OURS, names_of
from connectors.redis_people import PeopleWriter

_AT_ONCE = 500  # keys in one command

Item = TypeVar("Item")


class _Seen(msgspec.Struct, frozen=True):
    """What is read of a revision to know whether readers still need it."""

    alert_id: str
    revision: int
    engine_epoch: int
    feed_seq: int
    state: str
    detected_at: datetime
    published_at: datetime


class Kept(NamedTuple):
    """A revision that readers still need, as it was written, and when its alert opened."""

    body: bytes
    feed_seq: int
    opened_us: int


class Needed:
    """Of all revisions those that Redis would still hold: give it every one, in the order of each alert.

    These are what the streams remember, and the last of each alert that is open or has closed not long ago. Of the
    others no more is kept than when they opened, so a topic of years goes through.
    """

    def __init__(self, now_us: int) -> None:
        kept = FeedRetention()
        self._streams_from = now_us - _us(kept.streams)
        self._closed_from = now_us - _us(kept.closed_alerts)
        self._opened: dict[str, int] = {}
        self._last: dict[str, tuple[_Seen, bytes]] = {}
        self._recent: dict[tuple[str, int], tuple[_Seen, bytes]] = {}
        self._furthest: tuple[_Seen, bytes] | None = None
        self._decode = msgspec.json.Decoder(_Seen).decode
        self.seen = 0
        self.epoch = 0  # the greatest engine epoch of any

    def take(self, body: bytes) -> None:
        """One more revision."""
        seen = self._decode(body)
        self.seen += 1
        self.epoch = max(self.epoch, seen.engine_epoch)
        published_us = to_us(seen.published_at)
        if self._furthest is None or seen.feed_seq > self._furthest[0].feed_seq:
            self._furthest = (seen, body)
        self._opened.setdefault(seen.alert_id, to_us(seen.detected_at))
        place = (seen.alert_id, seen.revision)
        if published_us >= self._streams_from and _counts(seen, self._recent.get(place)):
            self._recent[place] = (seen, body)
        if _counts(seen, self._last.get(seen.alert_id)):
            self._last[seen.alert_id] = (seen, body)
            if seen.state not in OPEN_STATES and published_us < self._closed_from:
                del self._last[seen.alert_id]

    def found(self) -> list[Kept]:
        """What is needed, in the order of the feed; the end of the feed is always among it."""
        wanted = {(seen.alert_id, seen.revision): (seen, body) for seen, body in self._last.values()}
        wanted |= self._recent
        if self._furthest is not None:
            seen, _ = self._furthest
            wanted[seen.alert_id, seen.revision] = self._furthest
        kept = [Kept(body, seen.feed_seq, self._opened[seen.alert_id]) for seen, body in wanted.values()]
        return sorted(kept, key=lambda each: each.feed_seq)


class Feeds:
    """The live feed of an installation, to be looked at, emptied and written again.

    Where the server does not answer, at first or later, it raises `ConnectionError`; where it refuses, or lets us do
    less than we must, `RedisRefusedError`.
    """

    def __init__(self, url: Where) -> None:
        require_redis(url)
        self._url = url
        self._client = connect(url)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(closing(self._client))
        self._open.enter_context(answered(self._client))
        return self

    def __exit__(self, *exc: Any) -> None:
        self._open.__exit__(*exc)

    def now_us(self) -> int:
        """What the server's clock says: by it streams and hashes expire."""
        seconds, rest = self._client.time()
        return seconds * 1_000_000 + rest

    def names(self) -> Iterator[bytes]:
        """The name of every key of ours."""
        prefix = address_of(self._url).prefix
        for pattern in OURS:
            yield from self._client.scan_iter(match=prefix + pattern, count=_AT_ONCE)

    def place(self) -> int:
        """The last place in the feed that was written; 0 where there is none."""
        return int(cast("bytes | None", self._client.get(names_of(self._url).place)) or 0)

    def empty(self) -> int:
        """Take away every key of ours; how many there were."""
        count = 0
        for chunk in _chunks(self.names(), _AT_ONCE):
            count += self._client.unlink(*chunk)
        return count

    def write_people(self, rows: Iterable[Acted]) -> int:
        """Write what people did, in order, before the revisions; how many rows there were."""
        count = 0
        with closing(PeopleWriter(self._url, Metrics())) as writer:
            for chunk in _chunks(iter(rows), CHUNK):
                writer.write(chunk, is_restored=True)
                count += len(chunk)
        return count

    def write_revisions(self, needed: Needed) -> Iterator[int]:
        """Write what readers need, in the order of the feed; says after each chunk how many it were."""
        publisher = Publisher(self._client, names_of(self._url), FeedRetention())
        decode = msgspec.json.Decoder(Revision).decode
        for chunk in _chunks(iter(needed.found()), CHUNK):
            publisher.write_entries([entry_of(decode(each.body), each.opened_us) for each in chunk])
            yield len(chunk)
        if needed.epoch:
            self._client.set(names_of(self._url).epoch, needed.epoch)


def _counts(seen: _Seen, known: tuple[_Seen, bytes] | None) -> bool:
    """Whether a revision counts beside one that is known: the rule of every reader."""
    return known is None or (seen.revision, seen.engine_epoch) >= (known[0].revision, known[0].engine_epoch)


def _chunks(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while chunk := list(islice(items, size)):
        yield chunk


def _us(period: timedelta) -> int:
    return period // timedelta(microseconds=1)
