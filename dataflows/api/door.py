"""Who is it: a bearer token is asked for on every route that does not say otherwise, and then counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from litestar.connection import ASGIConnection
from litestar.middleware import AuthenticationResult
from litestar.middleware.authentication import AbstractAuthenticationMiddleware
from litestar.types import ASGIApp

from dataflows.api.credentials import Credentials
from dataflows.api.limits import Buckets

OPEN_TO_ALL = {"exclude_from_auth": True}  # `opt` of a route that anybody may ask


class Door(AbstractAuthenticationMiddleware):
    """Looks at the token of each request, before anything else of it is looked at."""

    def __init__(self, app: ASGIApp, credentials: Credentials, buckets: Buckets, now: Callable[[], datetime]) -> None:
        super().__init__(app)
        self._credentials = credentials
        self._buckets = buckets
        self._now = now

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """Who asks. Raises a refusal for anybody else, and for those who ask too often."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        shown = token.strip() if scheme.lower() == "bearer" else ""
        caller = await self._credentials.caller(shown, self._now())
        self._buckets.take(caller.name)
        return AuthenticationResult(user=caller, auth=None)
