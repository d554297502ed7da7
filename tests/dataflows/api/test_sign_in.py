"""Tokens of an OpenID Connect issuer at the door: who they let in, as whom, and what is said to everybody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from service import HERE, THERE, Client, World, ids
from small_issuer import AUDIENCE, NOW, SmallIssuer, ec_key, ed_key, rsa_key

from connectors.openid import PAUSE_SECONDS, Issuer
from dataflows.api.powers import load_routing
from dataflows.api.problem import RefusedError
from dataflows.api.sign_in import ClaimNames, SignIn

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:EdDSA is deprecated"),  # by that name; most issuers still say it
]

KEY, NEXT, UNNAMED = rsa_key("k1"), ec_key("k2"), rsa_key("k1")
NOTE = {"action": "note", "why": "x", "action_id": "note-0001"}


class Clocks:
    """Both clocks of the service; the test moves them."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.now = NOW


@pytest.fixture(scope="module")
def issuer() -> Iterator[SmallIssuer]:
    with SmallIssuer(KEY, ed_key("k3")) as issuer:
        yield issuer


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def sign_in(issuer: SmallIssuer, clocks: Clocks) -> SignIn:
    keys = Issuer(issuer.address, AUDIENCE, elapsed=lambda: clocks.elapsed)
    return SignIn(keys, ClaimNames(), load_routing())


@pytest.fixture
def client(world: World, sign_in: SignIn, clocks: Clocks) -> Iterator[Client]:
    with world.client(sign_in=sign_in, machine=lambda: clocks.now) as client:
        yield client


def ask(client: Client, token: str, path: str = "/v1/alerts", method: str = "GET", **more: Any) -> httpx.Response:
    return client.ask("", method, path, headers={"authorization": f"Bearer {token}"}, **more)


def test_who_has_signed_in_sees_their_part_and_acts_by_their_name(
    world: World, client: Client, issuer: SmallIssuer
) -> None:
    world.say("a")
    world.say("b", county=THERE)
    token = issuer.token(KEY, "RS256")

    assert ids(ask(client, token)) == ["a"]
    assert ask(client, token, "/v1/alerts/b").status_code == 404
    assert ask(client, token, "/v1/alerts/a/actions?wait=0", "POST", json=NOTE).status_code == 202
    acted = world.sent()[-1]
    assert (acted.actor, acted.role, acted.scope) == ("zhao.lei", "duty.county", HERE)


def test_only_the_word_for_the_city_shows_the_city(world: World, client: Client, issuer: SmallIssuer) -> None:
    world.say("a")
    world.say("b", county=THERE)
    token = issuer.token(KEY, "RS256", anlan_role="supervisor", anlan_region="city")

    assert set(ids(ask(client, token))) == {"a", "b"}


def test_tokens_of_the_file_go_on_beside_those_of_the_issuer(world: World, client: Client) -> None:
    world.say("a")

    assert ids(client.get("here", "/v1/alerts")) == ["a"]


SECONDS = int(NOW.timestamp())
NO_TOKEN: dict[str, tuple[Callable[[SmallIssuer], str], str]] = {
    "ended": (lambda issuer: issuer.token(KEY, "RS256", exp=SECONDS - 60), "one that has ended; sign in again"),
    "audience": (lambda issuer: issuer.token(KEY, "RS256", aud="payroll"), "for this service (`aud`)"),
    "issuer": (lambda issuer: issuer.token(KEY, "RS256", iss="https://evil.example"), "of the issuer in the settings"),
    "signature": (lambda issuer: issuer.token(UNNAMED, "RS256"), "signed by the issuer; got another signature"),
    "key": (lambda issuer: issuer.token(ec_key("k9"), "ES256"), "with a key that the issuer names"),
    "not signed": (lambda issuer: issuer.unsigned("k1"), "signed by one of RS256, ES256, EdDSA, Ed25519"),
    "a secret": (lambda issuer: issuer.signed_with_the_public(KEY), "signed by one of RS256, ES256, EdDSA, Ed25519"),
    "three dots": (lambda _: "a.b.c", "a signed token (JWT)"),
}  # fmt: skip


@pytest.mark.parametrize(("made", "sentence"), NO_TOKEN.values(), ids=NO_TOKEN)
def test_a_token_that_the_issuer_did_not_make_for_now_and_here_opens_nothing(
    sign_in: SignIn, issuer: SmallIssuer, made: Callable[[SmallIssuer], str], sentence: str
) -> None:
    with pytest.raises(RefusedError) as said:
        asyncio.run(sign_in.caller(made(issuer), NOW))

    assert said.value.status == 401
    assert sentence in str(said.value)


def test_nobody_is_let_in_by_half(world: World, client: Client, issuer: SmallIssuer) -> None:
    world.say("a")
    for made, sentence in NO_TOKEN.values():
        answer = ask(client, made(issuer), "/v1/alerts/a")

        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert sentence in answer.json()["detail"]
    for claims, sentence in NOBODY.values():
        answer = ask(client, issuer.token(KEY, "RS256", **claims), "/v1/alerts/a")

        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
        assert answer.json()["detail"].startswith(sentence)


NOBODY: dict[str, tuple[dict[str, Any], str]] = {
    "no role": ({"anlan_role": None}, "token must have the claim `anlan_role`, a word; got none"),
    "many roles": ({"anlan_role": ["supervisor"]}, "token must have the claim `anlan_role`, a word; got none"),
    "unknown role": ({"anlan_role": "boss"}, "role must be one of the routing, or begin with one and a dot; got `bo"),
    "the desk": ({"anlan_role": "desk"}, "role must be one of the routing"),
    "no region": ({"anlan_region": None}, "token must have the claim `anlan_region`, a word; got none"),
    "empty region": ({"anlan_region": ""}, "token must have the claim `anlan_region`, a word; got none"),
    "no such region": ({"anlan_region": "Chengguan"}, "who a token names must be as documented; got Expected `str`"),
    "half a region": ({"anlan_region": "6201"}, "who a token names must be as documented; got Expected `str` matching"),
    "code of the city": ({"anlan_region": "620100"}, "`anlan_region` must be a county, township or village, or `city`"),
    "no name": ({"preferred_username": None}, "token must have the claim `preferred_username`, a word; got none"),
    "a phone": ({"preferred_username": "13812345678"}, "`preferred_username` of the token must be a word that is no"),
    "a bell": ({"preferred_username": "li\x07"}, "`preferred_username` of the token must be a word that is no"),
    "a long name": ({"preferred_username": "x" * 101}, "who a token names must be as documented; got Expected `str`"),
}  # fmt: skip


@pytest.mark.parametrize(("claims", "sentence"), NOBODY.values(), ids=NOBODY)
def test_who_is_nobody_here_is_told_what_the_issuer_must_say(
    sign_in: SignIn, issuer: SmallIssuer, claims: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RefusedError) as said:
        asyncio.run(sign_in.caller(issuer.token(KEY, "RS256", **claims), NOW))

    assert said.value.status == 403
    assert str(said.value).startswith(sentence)
    assert "13812345678" not in str(said.value)


def test_a_key_that_is_changed_is_followed(client: Client, issuer: SmallIssuer, clocks: Clocks) -> None:
    before = issuer.keys
    assert ask(client, issuer.token(KEY, "RS256")).status_code == 200
    try:
        issuer.keys = [NEXT]
        clocks.elapsed += PAUSE_SECONDS

        assert ask(client, issuer.token(NEXT, "ES256")).status_code == 200
        assert ask(client, issuer.token(KEY, "RS256")).status_code == 401
    finally:
        issuer.keys = before


def test_while_the_issuer_is_away_only_those_wait_whose_key_nobody_knows(
    world: World, client: Client, issuer: SmallIssuer, clocks: Clocks
) -> None:
    world.say("a")
    assert ask(client, issuer.token(KEY, "RS256")).status_code == 200
    issuer.stop()
    try:
        clocks.elapsed += 86_400

        assert ids(ask(client, issuer.token(KEY, "RS256"))) == ["a"]
        assert ids(client.get("here", "/v1/alerts")) == ["a"]
        waits = ask(client, issuer.token(NEXT, "ES256"))
        assert (waits.status_code, waits.headers["retry-after"]) == (503, "2")
        assert waits.json()["detail"] == (
            "issuer of the token must answer; got no answer, and its key is not known; try again"
        )
        assert client.get("", "/health/live").status_code == 200
    finally:
        issuer.start()


def test_the_log_never_holds_a_token(client: Client, issuer: SmallIssuer, caplog: pytest.LogCaptureFixture) -> None:
    tokens = [made(issuer) for made, _ in NO_TOKEN.values()] + [issuer.token(KEY, "RS256", anlan_role="boss")]
    with caplog.at_level(logging.DEBUG):
        for token in tokens:
            ask(client, token)

    for token in tokens:
        for part in token.split("."):
            assert len(part) < 10 or part not in caplog.text


def test_the_description_says_that_one_may_sign_in(client: Client, issuer: SmallIssuer) -> None:
    found = client.get("", "/openapi.json").json()

    assert found["security"] == [{"token": []}, {"openid": []}]
    assert found["components"]["securitySchemes"]["openid"] == {
        "type": "openIdConnect", "openIdConnectUrl": f"{issuer.address}/.well-known/openid-configuration",
    }  # fmt: skip
    assert "403" in found["paths"]["/v1/feed"]["get"]["responses"]


def test_other_names_of_claims_are_read(world: World, issuer: SmallIssuer) -> None:
    names = ClaimNames("upn", "job", "area")
    found = SignIn(Issuer(issuer.address, AUDIENCE), names, load_routing())
    token = issuer.token(KEY, "RS256", upn="li", job="viewer", area=THERE, anlan_role=None, anlan_region=None)
    world.say("b", county=THERE)

    with world.client(sign_in=found, machine=lambda: NOW) as client:
        assert ids(ask(client, token)) == ["b"]


@pytest.mark.timeout(30)
def test_a_stream_ends_with_the_token_that_opened_it(
    world: World, sign_in: SignIn, issuer: SmallIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataflows.api.following.LOOK_SECONDS", 0.01)
    world.say("a")
    asked = 0

    def machine() -> Any:
        nonlocal asked
        asked += 1
        return NOW + (timedelta(0) if asked < 5 else timedelta(seconds=330))

    with world.client(sign_in=sign_in, machine=machine) as client:
        answer = ask(client, issuer.token(KEY, "RS256"), "/v1/stream?after=0")

    assert answer.status_code == 200
    assert answer.text.count("event: revision") == 1
    assert asked == 5
