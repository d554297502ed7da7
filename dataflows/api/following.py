"""Follow a feed live: what stands there already, then what comes, each place once, until the caller leaves.

What the caller has shown is looked at again each second: who may not come in any more is let go.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable

from connectors.metrics import Metrics
from connectors.redis_views import Nudges, RedisAwayError
from dataflows.api.caller import Caller
from dataflows.api.limits import Buckets
from dataflows.api.sight import Sight

KEEP_ALIVE_SECONDS = 15.0
LOOK_SECONDS = 1.0  # how often it is looked without a nudge

Said = tuple[str, int, object]  # kind, place, what; no kind is a sign of life


class Following:
    """All who follow. Each reads for themselves, so that who reads slowly holds up nobody."""

    def __init__(self, nudges: Nudges, buckets: Buckets, metrics: Metrics, may_stay: Callable[[Caller], bool]) -> None:
        self._nudges = nudges
        self._buckets = buckets
        self._may_stay = may_stay
        self._open = metrics.streams_followed

    async def begin(self, sight: Sight, after: int | None) -> AsyncGenerator[Said, None]:
        """Everything behind a place, or from now on. Raises a refusal, or `GoneError`, before anything is said."""
        self._buckets.refuse_stream(sight.caller.name)
        if after is None:
            position, place = await sight.end()
        else:
            position, place = await sight.after_place(after), after
        return self._follow(sight, position, place)

    async def _follow(self, sight: Sight, position: str, place: int) -> AsyncGenerator[Said, None]:
        with self._buckets.stream(sight.caller.name), self._open.track_inprogress():
            yield "begin", place, {"feed": sight.caller.feed, "place": place}
            said_at = time.monotonic()
            is_closing = False
            while not is_closing and self._may_stay(sight.caller):
                is_closing, seen = self._nudges.is_closed, self._nudges.count
                before = position
                try:
                    position, _, entries = await sight.entries(position)
                except RedisAwayError:  # the caller keeps the place; it goes on when Redis is back
                    entries = []
                for entry in entries:
                    if entry.place > place:
                        place = entry.place
                        yield ("left", place, entry.left) if entry.left else ("revision", place, entry.revision)
                        said_at = time.monotonic()
                if position == before:
                    if time.monotonic() >= said_at + KEEP_ALIVE_SECONDS:
                        yield "", place, None
                        said_at = time.monotonic()
                    await self._nudges.wait(seen, LOOK_SECONDS)
