"""Signed tokens (JWT) and the public keys that they are held against.

This is the only file that knows `joserfc`. No sentence holds any part of a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    InvalidClaimError,
    JoseError,
    MissingClaimError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import JWKRegistry, Key

from connectors.event_json import UNREADABLE

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")  # each with a key pair: who can check a token cannot make one
TYPES = ("", "jwt", "at+jwt", "application/at+jwt")  # not one for another purpose, such as a word of a logout
LEEWAY_SECONDS = 30  # that two clocks may differ
_PAIRS = ("RSA", "EC", "OKP")


class _Registry(jws.JWSRegistry):
    max_header_length = 8_192  # some issuers put a chain of certificates there; nothing of it is believed


_registry = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


class TokenError(ValueError):
    """A token that opens nothing; the sentence says what must be."""


Keys = Mapping[str, Key]


def read_keys(document: bytes) -> Keys:
    """The keys of a set (JWKS) by their ids: those that check signatures; what else is in it is left out.

    Raises `ValueError` for what is no set of keys.
    """
    try:
        members = msgspec.json.decode(document, type=dict[str, Any])["keys"]
    except (*UNREADABLE, KeyError) as error:
        raise ValueError(f"keys must be a JSON Web Key Set; got {type(error).__name__}") from None
    if not isinstance(members, list):
        raise ValueError("keys must be a JSON Web Key Set; got no list of keys")
    return {key.kid: key for each in members if (key := _key(each)) is not None and key.kid}


def _key(member: Any) -> Key | None:
    if not isinstance(member, dict) or member.get("kty") not in _PAIRS or member.get("use", "sig") != "sig":
        return None
    try:
        return JWKRegistry.import_key(member)
    except (JoseError, ValueError, TypeError):
        return None


def key_id(token: str) -> str:
    """Which key a token says that it was signed with; nothing of it is checked yet. Raises `TokenError`."""
    try:
        header = jws.extract_compact(token.encode(), registry=_registry).headers()
        _registry.check_header(header)
        _registry.get_alg(header["alg"])
    except UnsupportedAlgorithmError:
        raise TokenError(f"token must be signed by one of {', '.join(ALGORITHMS)}; got another way, or none") from None
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        raise TokenError("token must be a signed token (JWT); got another") from None
    if header.get("typ", "").lower() not in TYPES:
        raise TokenError("token must be one for access; got one for another purpose (`typ`)")
    if not header.get("kid"):
        raise TokenError("token must name its key (`kid`); got none")
    return str(header["kid"])


def read_claims(token: str, key: Key, *, issuer: str, audience: str, now: datetime) -> dict[str, Any]:
    """What a token says of its bearer. Raises `TokenError` where it is not signed, not of here or not of now."""
    claims = _signed(token, key)
    rules = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()), leeway=LEEWAY_SECONDS, exp={"essential": True},
        iss={"essential": True, "value": issuer}, aud={"essential": True, "value": audience},
    )  # fmt: skip
    try:
        rules.validate(claims)
    except ExpiredTokenError:
        raise TokenError("token must hold now; got one that has ended; sign in again") from None
    except MissingClaimError as error:
        raise TokenError(f"token must have {_named(error)}; got none") from None
    except InvalidClaimError as error:
        raise TokenError(_WRONG.get(error.claim, f"{_named(error)} of a token must be right; got another")) from None
    return claims


def ends_at(claims: Mapping[str, Any]) -> datetime:
    """When a token opens nothing any more, with what clocks may differ. Raises `TokenError` for no time at all."""
    try:
        return datetime.fromtimestamp(claims["exp"] + LEEWAY_SECONDS, UTC)
    except (OverflowError, ValueError, OSError):
        raise TokenError("`exp` of a token must be a time; got another") from None


_WRONG = {
    "iss": "token must be of the issuer in the settings (`iss`); got one of another",
    "aud": "token must be for this service (`aud`); got one for another",
    "nbf": "token must hold now; got one that begins later (`nbf`); are the clocks right?",
    "iat": "token must hold now; got one that was made later (`iat`); are the clocks right?",
}


def _signed(token: str, key: Key) -> dict[str, Any]:
    try:
        return jwt.decode(token, key, registry=_registry).claims
    except BadSignatureError:
        raise TokenError("token must be signed by the issuer; got another signature") from None
    except (JoseError, ValueError, TypeError, RecursionError):
        raise TokenError("token must fit its key; got one that does not") from None


def _named(error: MissingClaimError | InvalidClaimError) -> str:
    return ", ".join(f"`{name}`" for name in str(error.claim).split(","))
