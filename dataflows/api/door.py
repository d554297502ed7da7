"""Who is it: a bearer token is asked for on every route that does not say otherwise, and then counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection
from litestar.middleware import AuthenticationResult
from litestar.middleware.authentication import AbstractAuthenticationMiddleware
from litestar.types import ASGIApp

from dataflows.api.caller import Caller
from dataflows.api.limits import Buckets
from dataflows.api.problem import RefusedError
from dataflows.api.tokens import TokenBook

OPEN_TO_ALL = {"exclude_from_auth": True}  # `opt` of a route that anybody may ask


class Door(AbstractAuthenticationMiddleware):
    """Looks at the token of each request, before anything else of it is looked at."""

    def __init__(self, app: ASGIApp, tokens: TokenBook, buckets: Buckets, now: Callable[[], datetime]) -> None:
        super().__init__(app)
        self._tokens = tokens
        self._buckets = buckets
        self._now = now

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """Who asks. Raises a refusal for anybody else, and for those who ask too often."""
        caller = self._caller(connection.headers.get("authorization", ""))
        self._buckets.take(caller.name)
        return AuthenticationResult(user=caller, auth=None)

    def _caller(self, shown: str) -> Caller:
        scheme, _, token = shown.partition(" ")
        caller = self._tokens.caller(token.strip(), self._now())
        if scheme.lower() != "bearer" or caller is None:
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "`Authorization` must be `Bearer <token>` with a known token; got another or none",
                WWW_Authenticate="Bearer",
            )
        return caller
