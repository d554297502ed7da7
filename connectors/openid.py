"""An OpenID Connect issuer: where its keys are, which they are now, and what a token of it says of its bearer."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from connectors.event_json import UNREADABLE
from connectors.signed_token import Keys, TokenError, key_id, read_claims, read_keys

DISCOVERY = "/.well-known/openid-configuration"
FRESH_SECONDS = 600.0  # after which keys are asked for again: one that the issuer takes back ends here
PAUSE_SECONDS = 30.0  # between two questions, however many tokens name keys that nobody knows
RETRY_SECONDS = 5.0  # after no answer
ANSWER_SECONDS = 5.0
MOST_BYTES = 1_000_000
ON_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")

_log = logging.getLogger("anlan.api")


class IssuerAwayError(ConnectionError):
    """The issuer does not say which its keys are; trying again later may help."""


class Issuer:
    """The keys of one issuer, as it names them now. Belongs to one event loop.

    Parallel by: nothing; however many ask, the issuer is asked once.
    Delivery: a key that is new is known with the first token that it has signed, at most once in `PAUSE_SECONDS`.
    On failure: keys that are known go on; a token of another is refused with `IssuerAwayError` until it answers.
    """

    def __init__(
        self,
        address: str,
        audience: str,
        *,
        ca: str = "",
        fetch: Callable[[str], bytes] | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ca` is a file of certificates that vouch for the issuer's; "" is those of this machine.

        Raises `ValueError` for an address whose answers anybody on the way could have written.
        """
        _must_be_safe("`oidc_issuer`", address)
        self.address = address
        self._audience = audience
        self._fetch = fetch or partial(_fetch, ca=ca)
        self._elapsed = elapsed
        self._keys: Keys = {}
        self._asked_again_at = -float("inf")  # before that nobody is asked
        self._stale_at = -float("inf")
        self._is_away = False
        self._asking: asyncio.Task[None] | None = None

    @property
    def description(self) -> str:
        """Where the issuer describes itself."""
        return self.address.rstrip("/") + DISCOVERY

    async def claims(self, token: str, now: datetime) -> dict[str, Any]:
        """What a token says of its bearer. Raises `TokenError`, or `IssuerAwayError` where nobody can tell."""
        name = key_id(token)
        if name not in self._keys:
            await self._asked()
        elif self._elapsed() >= self._stale_at:
            self._ask_again()
        key = self._keys.get(name)
        if key is not None:
            return read_claims(token, key, issuer=self.address, audience=self._audience, now=now)
        if self._is_away:
            raise IssuerAwayError("issuer of the token must answer; got no answer, and its key is not known; try again")
        raise TokenError("token must be signed with a key that the issuer names; got another")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask for the keys at once, so that what is wrong stands in the log from the start."""
        self._ask_again()
        try:
            yield
        finally:
            if self._asking is not None:
                self._asking.cancel()

    async def _asked(self) -> None:
        if (asking := self._ask_again()) is not None:
            await asyncio.shield(asking)  # others wait for the same answer, whoever goes away

    def _ask_again(self) -> asyncio.Task[None] | None:
        """The question that is on its way; None where it is too early for another one."""
        if self._asking is not None and not self._asking.done():
            return self._asking
        if self._elapsed() < self._asked_again_at:
            return None
        self._asking = asyncio.create_task(self._ask())
        return self._asking

    async def _ask(self) -> None:
        try:
            keys = await asyncio.to_thread(self._read)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._is_away = True
            self._asked_again_at = self._elapsed() + RETRY_SECONDS
            _log.error("issuer_away error=%s", error)
        else:
            self._keys, self._is_away = keys, False
            self._asked_again_at = self._elapsed() + PAUSE_SECONDS
            self._stale_at = self._elapsed() + FRESH_SECONDS
            _log.info("issuer_answered keys=%d", len(keys))

    def _read(self) -> Keys:
        """The keys that the issuer names now. Raises `ValueError` for what is no issuer of this address."""
        found = _Description.read(self._fetch(self.description), self.description)
        if found.issuer != self.address:
            raise ValueError(
                f"`oidc_issuer` must be what the issuer calls itself, sign by sign; got `{found.issuer}`"
                f" ({self.description})"
            )
        _must_be_safe("`jwks_uri` of the issuer", found.jwks_uri)
        return read_keys(self._fetch(found.jwks_uri))


class _Description(Struct):
    """What an issuer says of itself, as far as it is needed here."""

    issuer: str
    jwks_uri: str

    @classmethod
    def read(cls, document: bytes, place: str) -> _Description:
        try:
            return msgspec.json.decode(document, type=cls)
        except UNREADABLE as error:
            raise ValueError(f"issuer must describe itself; got {error} ({place})") from None


def _must_be_safe(what: str, address: str) -> None:
    try:
        parts = urlsplit(address)
        scheme, host = parts.scheme, parts.hostname
    except ValueError:
        scheme, host = "", None
    if not host or not (scheme == "https" or (scheme == "http" and host in ON_THIS_MACHINE)):
        raise ValueError(f"{what} must be an address with https, or one on this machine; got `{address}`")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from the address that was named, or not at all."""

    def redirect_request(self, *_: Any) -> None:
        """Nowhere else."""


def _fetch(address: str, ca: str = "") -> bytes:
    trusted = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca or None))  # as they are now
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect, trusted)
    asked = urllib.request.Request(address, headers={"accept": "application/json"})
    with opener.open(asked, timeout=ANSWER_SECONDS) as answer:
        found = bytes(answer.read(MOST_BYTES + 1))
    if len(found) > MOST_BYTES:
        raise ValueError(f"an answer of the issuer must have at most {MOST_BYTES} bytes; got more ({address})")
    return found
