"""Who bears a token of the OpenID Connect issuer: its claims become a name, a role and a region."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from alerts.desk.routing import Routing
from connectors.identifiers import find_identifiers
from connectors.openid import Issuer, IssuerAwayError
from connectors.signed_token import TokenError, ends_at
from dataflows.api.caller import Caller
from dataflows.api.powers import require_role
from dataflows.api.problem import AwayError, RefusedError

THE_CITY = "city"  # said outright: a claim that is missing or empty must not show everything
INVALID = 'Bearer error="invalid_token"'


class ClaimNames(Struct, frozen=True):
    """Under which names the issuer says who somebody is."""

    name: str = "preferred_username"
    role: str = "anlan_role"
    region: str = "anlan_region"


class SignIn:
    """Tokens of one issuer, for the roles that the routing knows."""

    def __init__(self, issuer: Issuer, names: ClaimNames, routing: Routing) -> None:
        self.issuer = issuer
        self._names = names
        self._routing = routing

    async def caller(self, token: str, now: datetime) -> Caller:
        """Who shows this. Raises a refusal: 401 for a token that is none, 403 for one that may do nothing here."""
        try:
            claims = await self.issuer.claims(token, now)
            until = ends_at(claims)
        except TokenError as error:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, str(error), WWW_Authenticate=INVALID) from None
        except IssuerAwayError as error:
            raise AwayError(str(error)) from None
        return self._caller(claims, until)

    def _caller(self, claims: Mapping[str, Any], until: datetime) -> Caller:
        name, role = self._text(claims, self._names.name), self._text(claims, self._names.role)
        region = self._text(claims, self._names.region)
        try:
            require_role(self._routing, role)
        except ValueError as error:
            _refuse(f"{error} (`{self._names.role}`)")
        if not name.isprintable() or find_identifiers(name):
            _refuse(f"`{self._names.name}` of the token must be a word that is no number of a person; got another")
        if len(region) == 6 and region.endswith("00"):
            _refuse(f"`{self._names.region}` must be a county, township or village, or `{THE_CITY}`; got `{region}`")
        part = "" if region == THE_CITY else region
        try:
            return msgspec.convert(
                {"name": name, "role": role, "region": part, "expires": until, "signed_in": True}, Caller
            )
        except msgspec.ValidationError as error:
            _refuse(f"who a token names must be as documented; got {error}")

    def _text(self, claims: Mapping[str, Any], name: str) -> str:
        found = claims.get(name)
        if not isinstance(found, str) or not found:
            _refuse(f"token must have the claim `{name}`, a word; got none; the issuer has to put it there")
        return found


def _refuse(sentence: str) -> NoReturn:
    raise RefusedError(HTTPStatus.FORBIDDEN, sentence)
