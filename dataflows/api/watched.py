"""What every answer gets, whoever gives it: an id, careful headers, a line in the log and a count."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from connectors.identifiers import may_identify
from connectors.metrics import Metrics

OTHER = "other"  # the route of what has none; a path is never a label
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_log = logging.getLogger("anlan.api")
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_POLICY = b"content-security-policy"
_OF_A_PAGE = {_POLICY, b"cache-control"}
_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Watched:
    """An application, and what is seen from outside. No line names a token, a person, an alert or a matter."""

    def __init__(self, app: ASGIApp, metrics: Metrics, now: Callable[[], float] = time.perf_counter) -> None:
        self.app = app
        self._metrics = metrics
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the application."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = self._now()
        status = 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*_careful(message["headers"]), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            self._account(cast("dict[str, Any]", scope), request_id, status, self._now() - started)

    def _account(self, scope: dict[str, Any], request_id: str, status: int, seconds: float) -> None:
        route = scope.get("path_template") or OTHER
        self._metrics.requests_answered.labels(route, str(status)).inc()
        self._metrics.requests_answered_seconds.labels(route).observe(seconds)
        level = logging.ERROR if status >= 500 else logging.INFO
        _log.log(
            level, "request_answered request=%s method=%s route=%s status=%d seconds=%.4f",
            request_id, scope["method"] if route != OTHER else OTHER, route, status, seconds,
        )  # fmt: skip


def _careful(given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers with ours among them. A page of ours, which says what it may load, says how long it may be kept too."""
    found = {name.lower(): value for name, value in given}
    own = _OF_A_PAGE & found.keys() if _POLICY in found else set()
    ours = [(name, value) for name, value in _HEADERS if name not in own]
    taken = {name for name, _ in ours}
    return [*((name, value) for name, value in given if name.lower() not in taken), *ours]


def _request_id(scope: Scope) -> str:
    """The one that the caller gave, where it is a plain word and no number of a person, else another."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    is_plain = _GIVEN.fullmatch(given) and not may_identify(given.decode())
    return given.decode() if is_plain else uuid.uuid4().hex
