"""The service as a process: one event loop, until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import uvicorn

from alerts.desk.routing import Routing
from alerts.model import from_us
from connectors.metrics import Metrics
from connectors.metrics import serve as serve_metrics
from connectors.openid import Issuer
from dataflows.api.app import Service, app
from dataflows.api.limits import Limits
from dataflows.api.names import NameBook
from dataflows.api.routes_board import Board
from dataflows.api.sign_in import ClaimNames, SignIn
from dataflows.api.tokens import TokenBook
from dataflows.certificates import watched
from dataflows.installation import clock_of
from dataflows.listening import listen
from dataflows.readiness import tell_ready
from dataflows.servers import door_files, kafka_of, pool_of, redis_of
from dataflows.settings import Settings, SettingsError, required

STOP_SECONDS = 10  # for requests in flight; whoever follows a feed is let go at once

_log = logging.getLogger("anlan.api")


def serve(settings: Settings, routing: Routing) -> None:
    """Answer on `api_address` and `api_port` until SIGTERM or SIGINT. Raises `SettingsError`, `YamlError`."""
    if not settings.oidc_issuer:
        required(settings, "api_tokens")
    tokens = TokenBook(settings.api_tokens) if settings.api_tokens else None
    sign_in, metrics = sign_in_of(settings, routing), Metrics()
    locks = door_files(settings, "api_address", "metrics_address")
    with listen(settings.api_address, settings.api_port, "api") as listener:
        door = serve_metrics(metrics, settings.api_metrics_port, *locks, addr=settings.metrics_address)
        _log.info("service_started address=%s port=%d", settings.api_address, listener.getsockname()[1])
        tell_ready()
        try:
            with watched(settings, metrics):
                asyncio.run(_serve(settings, tokens, sign_in, routing, metrics, listener))
        finally:
            door.close()
    _log.info("service_stopped")


def sign_in_of(settings: Settings, routing: Routing, fetch: Callable[[str], bytes] | None = None) -> SignIn | None:
    """Signing in with the issuer of the settings; None where they name none. Raises `SettingsError`."""
    if not settings.oidc_issuer:
        return None
    required(settings, "oidc_audience", "oidc_name_claim", "oidc_role_claim", "oidc_region_claim")
    try:
        issuer = Issuer(settings.oidc_issuer, settings.oidc_audience, ca=settings.tls_ca, fetch=fetch)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    names = ClaimNames(settings.oidc_name_claim, settings.oidc_role_claim, settings.oidc_region_claim)
    return SignIn(issuer, names, routing)


async def _serve(
    settings: Settings,
    tokens: TokenBook | None,
    sign_in: SignIn | None,
    routing: Routing,
    metrics: Metrics,
    listener: socket.socket,
) -> None:
    service = Service(kafka_of(settings), redis_of(settings), pool_of(settings), metrics)
    clock = clock_of(settings)
    certificate, key = door_files(settings)
    limits = Limits(settings.api_per_second)
    web = app(
        service, tokens, routing, metrics, machine=lambda: datetime.now(UTC), clock=lambda: from_us(clock()),
        limits=limits, board=Board(NameBook(settings.rules), settings.clock_speed if settings.clock_start else 1.0),
        sign_in=sign_in,
    )  # fmt: skip
    config = uvicorn.Config(
        web, lifespan="on", ws="none", log_config=None, access_log=False, server_header=False, date_header=False,
        timeout_graceful_shutdown=STOP_SECONDS, ssl_certfile=certificate or None, ssl_keyfile=key or None,
    )  # fmt: skip
    await _Server(config, service).serve([listener])


class _Server(uvicorn.Server):
    """Lets those who follow a feed go as soon as it is asked to end: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._nudges = service.nudges
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """An orderly end is no failure: a signal is not raised again behind it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        self.should_exit = True
        self._closing = self._loop.create_task(self._nudges.close())
