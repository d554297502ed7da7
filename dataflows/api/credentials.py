"""What opens the door: a token of the file, or one of the OpenID Connect issuer."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from dataflows.api.caller import Caller
from dataflows.api.problem import RefusedError
from dataflows.api.sign_in import SignIn
from dataflows.api.tokens import TokenBook

_DOTS = 2  # of a signed token; a token of the file has none


class Credentials:
    """Every way to say who one is, of those that the installation has."""

    def __init__(self, tokens: TokenBook | None, sign_in: SignIn | None) -> None:
        self._tokens = tokens
        self._sign_in = sign_in

    async def caller(self, shown: str, now: datetime) -> Caller:
        """Who shows this. Raises a refusal for anybody else."""
        found = self._tokens.caller(shown, now) if self._tokens else None
        if found is not None:
            return found
        if self._sign_in is not None and shown.count(".") == _DOTS:
            return await self._sign_in.caller(shown, now)
        raise RefusedError(
            HTTPStatus.UNAUTHORIZED,
            "`Authorization` must be `Bearer <token>` with a known token; got another or none",
            WWW_Authenticate="Bearer",
        )

    def still_opens(self, caller: Caller, now: datetime) -> bool:
        """Would what the caller has shown open the door now? For answers that go on and on."""
        if caller.is_expired(now):
            return False
        return caller.signed_in or (self._tokens is not None and self._tokens.names(caller))
