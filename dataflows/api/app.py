"""The service as an ASGI application; a server is started elsewhere (`server.py`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from litestar import Litestar, Request, Router
from litestar.di import Provide
from litestar.enums import MediaType
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from alerts.desk.routing import Routing
from connectors.address import Where
from connectors.clickhouse_alerts import PoolViews
from connectors.metrics import Metrics
from connectors.redis_views import Nudges, RedisViews
from dataflows.api import (
    routes_actions,
    routes_alerts,
    routes_audit,
    routes_board,
    routes_feed,
    routes_health,
    routes_matters,
    routes_page,
    routes_silences,
)
from dataflows.api.acting import Acting
from dataflows.api.credentials import Credentials
from dataflows.api.door import OPEN_TO_ALL, Door
from dataflows.api.following import Following
from dataflows.api.limits import Buckets, Limits
from dataflows.api.page import load_page
from dataflows.api.problem import HANDLERS
from dataflows.api.routes_board import Board
from dataflows.api.routes_health import Health
from dataflows.api.sender import ActionSender
from dataflows.api.sight import Sight
from dataflows.api.sign_in import SignIn
from dataflows.api.tokens import TokenBook
from dataflows.api.watched import Watched
from dataflows.api.wholeness import Wholeness

MAX_BYTES = 64 * 1024  # of a body; the longest action has a few thousand
ROUTES = (
    *routes_alerts.ROUTES, *routes_actions.ROUTES, *routes_silences.ROUTES, *routes_matters.ROUTES,
    *routes_feed.ROUTES, *routes_audit.ROUTES, *routes_health.ROUTES, *routes_board.ROUTES, *routes_page.ROUTES,
)  # fmt: skip

Now = Callable[[], datetime]


class Service:
    """The parts of a running service; they belong to one event loop."""

    def __init__(self, kafka: Where, redis: Where, clickhouse: Where, metrics: Metrics | None = None) -> None:
        self.redis = RedisViews(redis)
        self.pool = PoolViews(clickhouse)
        self.sender = ActionSender(kafka)
        self.nudges = Nudges(self.redis, metrics)
        self.wholeness = Wholeness(self.redis, self.pool, metrics or Metrics())

    @contextlib.asynccontextmanager
    async def running(self, _: Litestar) -> AsyncIterator[None]:
        """Watch the feeds; on the way out everybody who follows is let go, and connections are closed."""
        watching = {asyncio.create_task(self.nudges.run()), asyncio.create_task(self.wholeness.run())}
        try:
            yield
        finally:
            await self.nudges.close()
            while watching:  # the client library swallows a cancellation while it connects
                for each in watching:
                    each.cancel()
                watching = (await asyncio.wait(watching, timeout=0.1))[1]
            await self.redis.close()
            await asyncio.to_thread(self._close_threads)

    def _close_threads(self) -> None:
        self.sender.close()
        self.pool.close()


def app(
    service: Service,
    tokens: TokenBook | None,
    routing: Routing,
    metrics: Metrics,
    *,
    machine: Now,
    clock: Now,
    limits: Limits | None = None,
    board: Board | None = None,
    sign_in: SignIn | None = None,
) -> Watched:
    """The routes, who may ask them, and what each is given: a caller's sight, never the servers themselves.

    `machine` says whether a token has ended; `clock` is that of the installation, by which people act.
    """
    buckets = Buckets(limits or Limits())
    credentials = Credentials(tokens, sign_in)
    board = board or Board()

    def sight(request: Request[Any, Any, Any]) -> Sight:
        return Sight(request.user, service.redis, service.pool)

    routes = Litestar(
        (*ROUTES, *board.more),
        middleware=[DefineMiddleware(Door, credentials=credentials, buckets=buckets, now=machine)],
        dependencies={
            "sight": Provide(sight, sync_to_thread=False),
            "acting": _given(Acting(service.sender, routing, clock)),
            "following": _given(
                Following(service.nudges, buckets, metrics, lambda caller: credentials.still_opens(caller, machine()))
            ),
            "health": _given(Health(service.redis, service.pool, service.sender, service.wholeness)),
            "wholeness": _given(service.wholeness),
            "board": _given(board),
            "page": _given(load_page()),
        },
        exception_handlers=HANDLERS,
        lifespan=[service.running, *([lambda _: sign_in.issuer.running()] if sign_in else [])],
        openapi_config=_description(sign_in),
        request_max_body_size=MAX_BYTES,
        logging_config=None,
    )
    return Watched(routes, metrics)


def _given(part: Any) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)


def _description(sign_in: SignIn | None) -> OpenAPIConfig:
    schemes = {"token": SecurityScheme(type="http", scheme="bearer", description="`anlan tokens make`")}
    if sign_in is not None:
        schemes["openid"] = SecurityScheme(type="openIdConnect", open_id_connect_url=sign_in.issuer.description)
    return OpenAPIConfig(
        "Anlan alerts",
        "1",
        description="Alerts, feeds and actions. Errors are problems (RFC 9457) with a sentence.",
        use_handler_docstrings=True,
        components=Components(security_schemes={**schemes}),
        security=[{name: []} for name in schemes],
        openapi_router=Router("/openapi.json", route_handlers=[], opt=OPEN_TO_ALL, include_in_schema=False),
        render_plugins=[JsonRenderPlugin(path="/openapi.json", media_type=MediaType.JSON)],
    )
