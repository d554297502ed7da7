"""What readers ask of Redis, without blocking: the feeds by place, what is open, one alert, what people did with it.

`redis.py` writes the feeds. Here nothing is written, and what a caller may see is not asked: that is asked above.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from alerts.model import Acted, Revision, from_us
from connectors.address import Where, address_of, redis_options
from connectors.metrics import Metrics
from connectors.redis_held import Held
from connectors.redis_keys import names_of

LEVEL_STEP = 10**13  # between two levels in the scores of what is open
CHUNK = 200  # entries, or alerts, in one answer of the server
ANSWER_SECONDS = 3.0
NUDGE_SECONDS = 5.0  # how long one question for something new waits
RETRY_SECONDS = 0.5

_log = logging.getLogger("anlan.redis")


class RedisAwayError(ConnectionError):
    """Redis does not answer; trying again later may help."""


class GoneError(LookupError):
    """A place that is not in the feed any more, or not yet."""


class Entry(NamedTuple):
    """One entry of a feed: where it stands in the stream, its place in the feed, and the revision."""

    stream_id: str
    place: int
    revision: Revision


class OpenPlace(NamedTuple):
    """Where one open alert stands in the order of what is open: the highest level first, then the latest."""

    score: float  # level × 10¹³ + ms of its opening
    alert_id: str

    @property
    def opened_at(self) -> datetime:
        """When it was opened."""
        return from_us(int(self.score % LEVEL_STEP) * 1000)


_decode_revision = msgspec.json.Decoder(Revision).decode
_decode_acted = msgspec.json.Decoder(Acted).decode


class RedisViews:
    """One connection pool of one event loop. Everything raises `RedisAwayError` where the server does not answer."""

    def __init__(self, url: Where) -> None:
        self._redis = _client(url, ANSWER_SECONDS)
        self._waiting = _client(url, NUDGE_SECONDS + ANSWER_SECONDS)
        self._prefix = address_of(url).prefix
        self._names = names_of(url)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._waiting.aclose()

    async def ping(self) -> None:
        """Does it answer?"""
        async with _answering():
            await self._redis.ping()

    async def held(self) -> Held:
        """How much of the feed is there."""
        async with _answering():
            place = int(await self._redis.get(self._names.place) or 0)
            return Held(place, int(await self._redis.get(self._names.lost) or 0))

    # the feeds, each by its county; "" is that of all

    async def end(self, county: str = "") -> tuple[str, int]:
        """Stream id and place of the last entry; `0-0` and 0 of an empty feed."""
        async with _answering():
            found: Any = await self._redis.xrevrange(self._names.stream(county), count=1)
        return (found[0][0].decode(), _place(found[0])) if found else ("0-0", 0)

    async def entries(self, county: str, after: str, count: int = CHUNK) -> list[Entry]:
        """The next entries after a stream id."""
        async with _answering():
            found: Any = await self._redis.xrange(self._names.stream(county), min=f"({after}", count=count)
        return [Entry(each[0].decode(), _place(each), _decode_revision(each[1][b"json"])) for each in found]

    async def after_place(self, county: str, place: int) -> str:
        """The stream id after which the places behind `place` stand, without a hole.

        Raises `GoneError` where the stream begins later or ends before.
        """
        _, last = await self.end(county)
        if place > last:
            raise GoneError(f"place must be in the feed, which ends at {last}; got {place}; begin with a snapshot")
        first = await self._first_from(county, "-")
        if first is None:
            return "0-0"
        if _place(first) > place + 1:
            raise GoneError(
                f"place must be in the feed, which begins at {_place(first)}; got {place}; begin with a snapshot"
            )
        return await self._last_until(county, place, _ms(first))

    async def _last_until(self, county: str, place: int, first_ms: int) -> str:
        """Places grow with stream ids, and stream ids with time: halve the time, then read the last millisecond."""
        low, high = first_ms, _ms_of((await self.end(county))[0]) + 1
        while high - low > 1:
            middle = (low + high) // 2
            found = await self._first_from(county, f"{middle}-0")
            if found is None or _place(found) > place:
                high = middle
            else:
                low = _ms(found)
        position = f"{low - 1}-{2**64 - 1}" if low else "0-0"
        while chunk := await self.entries(county, position):
            for entry in chunk:
                if entry.place > place:
                    return position
                position = entry.stream_id
        return position

    async def _first_from(self, county: str, stream_id: str) -> Any:
        async with _answering():
            found: Any = await self._redis.xrange(self._names.stream(county), min=stream_id, count=1)
        return found[0] if found else None

    async def nudge(self, after: str) -> str:
        """Wait for something after a stream id in the feed of all, some seconds at most; the last stream id then."""
        async with _answering():
            found: Any = await self._waiting.xread(
                {self._names.stream(): after}, count=1, block=int(NUDGE_SECONDS * 1000)
            )
        return (await self.end())[0] if found else after

    # alerts

    async def open_alerts(
        self, county: str, before: OpenPlace | None = None, count: int = CHUNK
    ) -> list[tuple[OpenPlace, Revision | None]]:
        """What is open, in its order, behind the place `before`; None for an alert that has just gone."""
        places = await self._open_places(county, before, count)
        revisions = await self._last_revisions([place.alert_id for place in places])
        return list(zip(places, revisions, strict=True))

    async def _open_places(self, county: str, before: OpenPlace | None, count: int) -> list[OpenPlace]:
        key = self._names.open_set(county)
        found: list[OpenPlace] = []
        start, highest = 0, "+inf" if before is None else repr(before.score)
        while len(found) < count:
            async with _answering():
                chunk: Any = await self._redis.zrange(
                    key,
                    highest,
                    "-inf",
                    desc=True,
                    byscore=True,
                    offset=start,
                    num=count,
                    withscores=True,
                )
            places = [OpenPlace(score, name.decode()) for name, score in chunk]
            found += [place for place in places if before is None or place < before]
            start += len(places)
            if len(places) < count:
                break
        return found[:count]

    async def alert(self, alert_id: str) -> Revision | None:
        """The last revision of an alert, as long as Redis remembers it."""
        return (await self._last_revisions([alert_id]))[0]

    async def _last_revisions(self, ids: Sequence[str]) -> list[Revision | None]:
        if not ids:
            return []
        async with _answering():
            pipeline = self._redis.pipeline(transaction=False)
            for alert_id in ids:
                pipeline.hget(self._names.record(alert_id), "json")
            found = await pipeline.execute()
        return [_decode_revision(json) if json else None for json in found]

    # people

    async def people(self, alert_id: str) -> dict[str, str]:
        """What people did with an alert, as it stands there; nothing where nobody did anything.

        `ended_ms` is when it last ended, where it ever has.
        """
        return (await self.people_of([alert_id]))[0]

    async def people_of(self, ids: Sequence[str]) -> list[dict[str, str]]:
        """The same for many alerts, in their order."""
        async with _answering():
            pipeline = self._redis.pipeline(transaction=False)
            for alert_id in ids:
                pipeline.hgetall(f"{self._prefix}people:{alert_id}")
                pipeline.hget(self._names.record(alert_id), "ended_ms")
            found = await pipeline.execute()
        pairs = zip(found[::2], found[1::2], strict=True)
        return [_words(people | {b"ended_ms": ended} if ended else people) for people, ended in pairs]

    async def acted(self, action_id: str) -> Acted | None:
        """What became of an action; None while that is not known, or not any more."""
        async with _answering():
            found: Any = await self._redis.get(f"{self._prefix}acted:{action_id}")
        return _decode_acted(found) if found else None

    async def silences(self) -> list[Acted]:
        """The actions that began a silence which nobody has ended; some may have ended by themselves."""
        async with _answering():
            found: Any = await self._redis.hvals(f"{self._prefix}silences")
        return [_decode_acted(json) for json in found]

    async def silence(self, silence_id: str) -> Acted | None:
        """The action that began a silence; None where there is none, or not any more."""
        async with _answering():
            found: Any = await self._redis.hget(f"{self._prefix}silences", silence_id)
        return _decode_acted(found) if found else None


class Nudges:
    """One question to Redis for all who wait for something new in any feed."""

    def __init__(self, views: RedisViews, metrics: Metrics | None = None) -> None:
        self._views = views
        self._gauge = (metrics or Metrics()).feeds_missed
        self._is_missed = False
        self._moved = asyncio.Condition()
        self.count = 0
        self.is_closed = False

    async def run(self) -> None:
        """Watch until it is closed; while Redis is away, try again. Who waits is woken when it is back."""
        position = ""
        while not self.is_closed:
            try:
                position = position or (await self._views.end())[0]
                after = await self._views.nudge(position)
            except RedisAwayError as error:
                self._tell(str(error))
                position = ""
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._tell("")
            if after != position:
                position = after
                await self._wake()

    def _tell(self, error: str) -> None:
        if self._is_missed == bool(error):
            return
        self._is_missed = bool(error)
        self._gauge.set(self._is_missed)
        if error:
            _log.warning("feeds_missed error=%s", error)
        else:
            _log.warning("feeds_found")

    async def _wake(self) -> None:
        async with self._moved:
            self.count += 1
            self._moved.notify_all()

    async def wait(self, seen: int, seconds: float) -> None:
        """Return when something came since `count` was `seen`, when it is closed, or after some seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self.count != seen or self.is_closed)

    async def close(self) -> None:
        """Let everybody who waits go home."""
        self.is_closed = True
        await self._wake()


def _client(url: Where, seconds: float) -> redis.asyncio.Redis:
    address = address_of(url)
    return redis.asyncio.Redis.from_url(
        address.place, socket_timeout=seconds, socket_connect_timeout=min(seconds, ANSWER_SECONDS), protocol=2,
        retry=Retry(NoBackoff(), 0), **redis_options(address.lock),
    )  # fmt: skip


@contextlib.asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisAwayError(f"redis must answer; got `{type(error).__name__}`; try again") from error


def _place(entry: Any) -> int:
    return int(entry[1].get(b"feed_seq", 0))


def _ms(entry: Any) -> int:
    return _ms_of(entry[0].decode())


def _ms_of(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])


def _words(found: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in found.items()}
