"""Whether Redis holds all that readers were told, as the pool knows it: one that was wiped answers like any other."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from connectors.clickhouse_alerts import PoolAwayError, PoolViews
from connectors.clickhouse_published import last_place
from connectors.metrics import Metrics
from connectors.redis_held import REMEDY, must_be_whole
from connectors.redis_views import RedisAwayError, RedisViews

LOOK_SECONDS = 2.0
ON_ITS_WAY_SECONDS = 3.0  # what the pool has already may still be on its way to Redis
FIRST_SECONDS = 5.0  # that readers wait for the first look: a pool that hangs must not hold up what is open

_log = logging.getLogger("anlan.api")


class Wholeness:
    """Looks now and then; readers wait a bit for the first look. Where a server is away, what was found last holds."""

    def __init__(self, redis: RedisViews, pool: PoolViews, metrics: Metrics) -> None:
        self._redis, self._pool, self._gauge = redis, pool, metrics.revisions_lost
        self._told = 0
        self._missing = 0
        self._has_looked = asyncio.Event()

    async def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return not await self.says()

    async def says(self) -> str:
        """The sentence about what is missing; empty where nothing is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SECONDS):
                await self._has_looked.wait()
        self._has_looked.set()
        return must_be_whole(self._missing) if self._missing else ""

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:
            try:
                await self.look()
            except RedisAwayError:
                pass  # told by who reads the feeds
            except Exception:
                _log.exception("feed_not_compared")
            self._has_looked.set()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Compare once. Raises `RedisAwayError`."""
        with contextlib.suppress(PoolAwayError):
            self._told = await self._pool.ask(last_place)
        missing = (await self._redis.held()).missing(self._told)
        if missing:
            await asyncio.sleep(ON_ITS_WAY_SECONDS)
            missing = (await self._redis.held()).missing(self._told)
        self._tell(missing)

    def _tell(self, missing: int) -> None:
        if missing and not self._missing:
            _log.error("feed_incomplete missing=%d; %s", missing, REMEDY)
        elif self._missing and not missing:
            _log.warning("feed_whole")
        self._missing = missing
        self._gauge.set(missing)
