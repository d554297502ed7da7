"""Signed tokens: which are taken, and what is said of the others."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from joserfc.jwk import ECKey, Key, OctKey, RSAKey
from small_issuer import AUDIENCE, NOW, SmallIssuer, ec_key, ed_key, rsa_key, segment

from connectors.signed_token import LEEWAY_SECONDS, TokenError, ends_at, key_id, read_claims, read_keys

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by that name; most issuers still say it

ISSUER = SmallIssuer()
RSA, EC, ED = rsa_key("r1"), ec_key("e1"), ed_key("d1")
KEYS = {"RS256": RSA, "ES256": EC, "EdDSA": ED, "Ed25519": ED}


def key_set(*keys: Any) -> bytes:
    members = [each if isinstance(each, dict) else each.as_dict(private=False) for each in keys]
    return json.dumps({"keys": members}).encode()


KNOWN = read_keys(key_set(RSA, EC, ED))


def claims_of(token: str) -> dict[str, Any]:
    return read_claims(token, KNOWN[key_id(token)], issuer=ISSUER.address, audience=AUDIENCE, now=NOW)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_signed_by_the_issuer_is_taken(algorithm: str) -> None:
    claims = claims_of(ISSUER.token(KEYS[algorithm], algorithm))

    assert claims["preferred_username"] == "zhao.lei"
    assert ends_at(claims) == NOW + timedelta(seconds=300 + LEEWAY_SECONDS)


def test_one_of_several_audiences_is_enough() -> None:
    assert claims_of(ISSUER.token(RSA, "RS256", aud=["board", AUDIENCE]))["aud"] == ["board", AUDIENCE]


SECONDS = int(NOW.timestamp())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "ended": ({"exp": SECONDS - LEEWAY_SECONDS}, "token must hold now; got one that has ended; sign in again"),
    "without an end": ({"exp": None}, "token must have `exp`; got none"),
    "an end that is no time": ({"exp": "never"}, "`exp` of a token must be right; got another"),
    "an end that never comes": ({"exp": float("nan")}, "`exp` of a token must be right; got another"),
    "not yet": ({"nbf": SECONDS + LEEWAY_SECONDS + 1}, "token must hold now; got one that begins later (`nbf`)"),
    "made tomorrow": ({"iat": SECONDS + 86_400}, "token must hold now; got one that was made later (`iat`)"),
    "another audience": ({"aud": "payroll"}, "token must be for this service (`aud`); got one for another"),
    "no audience": ({"aud": None}, "token must have `aud`; got none"),
    "empty audience": ({"aud": []}, "token must be for this service (`aud`); got one for another"),
    "another issuer": ({"iss": "https://evil.example"}, "token must be of the issuer in the settings (`iss`)"),
    "issuer with a stroke": ({"iss": f"{ISSUER.address}/"}, "token must be of the issuer in the settings (`iss`)"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_in_a_token_is_said(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TokenError) as said:
        claims_of(ISSUER.token(RSA, "RS256", **changes))

    assert str(said.value).startswith(sentence)


@pytest.mark.parametrize(
    "changes",
    [{"exp": SECONDS - LEEWAY_SECONDS + 1}, {"nbf": SECONDS + LEEWAY_SECONDS}, {"iat": SECONDS + LEEWAY_SECONDS}],
    ids=["exp", "nbf", "iat"],
)
def test_two_clocks_may_differ_a_little(changes: dict[str, Any]) -> None:
    assert claims_of(ISSUER.token(RSA, "RS256", **changes))


def test_an_end_far_away_is_no_fault_of_ours() -> None:
    with pytest.raises(TokenError, match="`exp` of a token must be a time; got another"):
        ends_at(claims_of(ISSUER.token(RSA, "RS256", exp=10**400)))


def changed() -> str:
    header, _, signature = ISSUER.token(RSA, "RS256").split(".")
    return f"{header}.{segment(ISSUER.claims(anlan_role='supervisor'))}.{signature}"


def with_a_key_of_its_own() -> str:
    """A header may bring a key; it is not the issuer's."""
    own = rsa_key("r1")
    return ISSUER.token(own, "RS256", {"jwk": own.as_dict(private=False)})


REFUSED = {
    "not signed": (
        lambda: ISSUER.unsigned("r1"),
        "token must be signed by one of RS256, ES256, EdDSA, Ed25519; got another way, or none",
    ),
    "a secret": (lambda: ISSUER.signed_with_the_public(RSA), "token must be signed by one of RS256, ES256, EdDSA"),
    "another algorithm": (lambda: ISSUER.token(RSA, "PS256"), "token must be signed by one of RS256, ES256, EdDSA"),
    "changed": (changed, "token must be signed by the issuer; got another signature"),
    "own key": (with_a_key_of_its_own, "token must be signed by the issuer; got another signature"),
    "other key": (lambda: ISSUER.token(EC, "ES256", {"kid": "r1"}), "token must fit its key; got one that does not"),
    "no key": (lambda: ISSUER.token(RSA, "RS256", {"kid": None}), "token must name its key (`kid`); got none"),
    "logout": (lambda: ISSUER.token(RSA, "RS256", {"typ": "logout+jwt"}), "token must be one for access"),
    "critical": (lambda: ISSUER.token(RSA, "RS256").replace("eyJ", "x", 1), "token must be a signed token (JWT)"),
    "nothing": (lambda: "..", "token must be a signed token (JWT); got another"),
}


@pytest.mark.parametrize(("made", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_token_that_nobody_signed_for_us_opens_nothing(made: Any, sentence: str) -> None:
    with pytest.raises(TokenError) as said:
        claims_of(made())

    assert str(said.value).startswith(sentence)


def test_an_extension_that_must_be_understood_is_not_overlooked() -> None:
    header = segment({"alg": "RS256", "kid": "r1", "crit": ["exp"], "exp": 1})

    with pytest.raises(TokenError, match="token must be a signed token"):
        key_id(f"{header}.{segment({})}.{segment(b'x')}")


@given(some.binary(max_size=60) | some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=5) | some.just("RS256"),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(
        some.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c"]), inner, max_size=5
    ), max_leaves=8,
))  # fmt: skip
def test_whatever_stands_in_a_header_a_token_is_taken_or_refused(header: Any) -> None:
    with pytest.raises(TokenError):
        claims_of(f"{segment(header)}.{segment(ISSUER.claims())}.{segment(b'x')}")


@given(some.text())
def test_whatever_stands_in_a_token_it_is_taken_or_refused(token: str) -> None:
    with pytest.raises(TokenError):
        key_id(token)


def test_keys_that_check_no_signature_of_a_pair_are_left_out() -> None:
    secret = OctKey.import_key("s" * 32, {"kid": "o1"}).as_dict(private=True)
    for_secrecy = RSAKey.generate_key(2048, {"kid": "r2", "use": "enc"})
    nameless = ECKey.generate_key("P-256").as_dict(private=False)
    broken = {"kty": "EC", "kid": "e2", "crv": "P-256", "x": "", "y": ""}

    found = read_keys(key_set(EC, secret, for_secrecy, nameless, broken, {"kty": "new", "kid": "n"}, {"kid": "x"}))

    assert list(found) == ["e1"]


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": 1}', b"\xff", b'{"keys":' * 5_000],
    ids=lambda sent: repr(sent[:12]),
)
def test_what_is_no_set_of_keys_is_said(document: bytes) -> None:
    with pytest.raises(ValueError, match="keys must be a JSON Web Key Set; got"):
        read_keys(document)


def test_a_key_for_another_algorithm_checks_nothing() -> None:
    named: Key = RSAKey.import_key(RSA.as_dict(private=True) | {"alg": "RS512"})
    keys = read_keys(key_set(named))
    token = ISSUER.token(RSA, "RS256")

    with pytest.raises(TokenError, match="token must fit its key"):
        read_claims(token, keys["r1"], issuer=ISSUER.address, audience=AUDIENCE, now=NOW)
