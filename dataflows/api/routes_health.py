"""Is the service there, and what of it works: for whoever starts and watches it. Anybody may ask."""

from __future__ import annotations

import time
from http import HTTPStatus

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from connectors import clickhouse_alerts
from connectors.clickhouse_alerts import PoolAwayError, PoolViews
from connectors.redis_views import RedisAwayError, RedisViews
from dataflows.api.answers import Liveness, Readiness
from dataflows.api.door import OPEN_TO_ALL
from dataflows.api.sender import ActionSender
from dataflows.api.wholeness import Wholeness

REMEMBER_SECONDS = 1.0  # so that asking often asks nobody often
ANSWERS, AWAY = "answers", "must answer; got no answer"


class Health:
    """Asks the servers behind the service, not more than once a second."""

    def __init__(self, redis: RedisViews, pool: PoolViews, sender: ActionSender, wholeness: Wholeness) -> None:
        self._redis, self._pool, self._sender, self._wholeness = redis, pool, sender, wholeness
        self._found: tuple[float, Readiness] | None = None

    async def look(self) -> Readiness:
        """Ready; degraded where history, or acting, has to wait; incomplete where Redis has lost some of the feed, and
        the service goes on with what there is; away where nothing can be read."""
        if self._found is None or time.monotonic() > self._found[0] + REMEMBER_SECONDS:
            readiness = await self._ask()
            self._found = time.monotonic(), readiness
        return self._found[1]

    async def _ask(self) -> Readiness:
        kafka = ANSWERS if await self._sender.is_answering() else AWAY
        redis, clickhouse = await self._ask_redis(), await self._ask_clickhouse()
        all_answer = kafka == redis == clickhouse == ANSWERS
        if redis not in (ANSWERS, AWAY):
            status = "incomplete"
        else:
            status = "away" if redis == AWAY else "ready" if all_answer else "degraded"
        return Readiness(status, kafka, redis, clickhouse)  # type: ignore[arg-type]

    async def _ask_redis(self) -> str:
        try:
            await self._redis.ping()
        except RedisAwayError:
            return AWAY
        return await self._wholeness.says() or ANSWERS

    async def _ask_clickhouse(self) -> str:
        try:
            await self._pool.ask(clickhouse_alerts.answers)
        except PoolAwayError:
            return AWAY
        return ANSWERS


@get("/health/live", opt=OPEN_TO_ALL, security=[{}])
async def live() -> Liveness:
    """The process answers."""
    return Liveness()


@get(
    "/health/ready", opt=OPEN_TO_ALL, security=[{}],
    responses={503: ResponseSpec(Readiness, generate_examples=False, description="Redis does not answer")},
)  # fmt: skip
async def ready(health: NamedDependency[Health]) -> Response[Readiness]:
    """Which of the servers behind the service answer. 503 where Redis does not: then nothing live can be read."""
    found = await health.look()
    away = found.status == "away"
    return Response(found, status_code=HTTPStatus.SERVICE_UNAVAILABLE if away else HTTPStatus.OK)


ROUTES = (live, ready)
