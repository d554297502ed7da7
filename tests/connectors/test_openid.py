"""An OpenID Connect issuer: its keys are asked for, kept, and changed, whatever becomes of it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import Key
from small_issuer import AUDIENCE, NOW, SmallIssuer, certificate, ec_key, rsa_key

from connectors import openid
from connectors.openid import FRESH_SECONDS, PAUSE_SECONDS, RETRY_SECONDS, Issuer, IssuerAwayError
from connectors.signed_token import TokenError

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

FIRST, SECOND, UNNAMED = rsa_key("first"), ec_key("second"), ec_key("unnamed")


@pytest.fixture
def small() -> Iterator[SmallIssuer]:
    with SmallIssuer(FIRST) as small:
        yield small


class Asking:
    """An issuer as the service knows it, and a clock that the test moves."""

    def __init__(self, small: SmallIssuer, **changes: Any) -> None:
        self.small = small
        self.at = 0.0
        self.issuer = Issuer(small.address, AUDIENCE, elapsed=lambda: self.at, **changes)

    async def shows(self, key: Key, algorithm: str) -> dict[str, Any]:
        return await self.issuer.claims(self.small.token(key, algorithm), NOW)

    async def first(self) -> dict[str, Any]:
        return await self.shows(FIRST, "RS256")

    async def second(self) -> dict[str, Any]:
        return await self.shows(SECOND, "ES256")

    async def settled(self) -> None:
        """What is asked behind the callers' backs has its answer."""
        if self.issuer._asking is not None:
            await asyncio.wait([self.issuer._asking])


def goes(small: SmallIssuer, story: Callable[[Asking], Awaitable[None]]) -> None:
    asyncio.run(_told(Asking(small), story))


async def _told(asking: Asking, story: Callable[[Asking], Awaitable[None]]) -> None:
    await story(asking)


def test_keys_are_asked_for_once_however_many_come(small: SmallIssuer) -> None:
    async def story(asking: Asking) -> None:
        found = await asyncio.gather(*(asking.first() for _ in range(50)))
        await asking.first()

        assert {each["preferred_username"] for each in found} == {"zhao.lei"}
        assert small.asked == {"description": 1, "keys": 1}

    goes(small, story)


def test_a_new_key_is_known_with_the_first_token_that_it_has_signed(small: SmallIssuer) -> None:
    async def story(asking: Asking) -> None:
        await asking.first()
        small.keys = [SECOND]
        asking.at += PAUSE_SECONDS

        assert await asking.second()
        with pytest.raises(TokenError, match="token must be signed with a key that the issuer names; got another"):
            await asking.first()

    goes(small, story)


def test_tokens_of_keys_that_nobody_knows_do_not_make_it_ask_each_time(small: SmallIssuer) -> None:
    async def story(asking: Asking) -> None:
        for step in range(61):
            asking.at = float(step)
            with pytest.raises(TokenError, match="a key that the issuer names"):
                await asking.shows(UNNAMED, "ES256")

        assert small.asked["keys"] == 1 + 60 / PAUSE_SECONDS

    goes(small, story)


def test_while_the_issuer_is_away_known_keys_go_on_and_unknown_ones_must_wait(
    small: SmallIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(asking: Asking) -> None:
        await asking.first()
        await asyncio.to_thread(small.stop)
        asking.at += FRESH_SECONDS

        assert await asking.first()
        await asking.settled()
        assert await asking.first()
        with pytest.raises(IssuerAwayError, match="issuer of the token must answer; got no answer"):
            await asking.second()

        small.keys.append(SECOND)
        await asyncio.to_thread(small.start)
        asking.at += RETRY_SECONDS
        assert await asking.second()

    with caplog.at_level(logging.INFO, "anlan.api"):
        goes(small, story)

    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "issuer_answered keys=1"
    assert said[1].startswith("issuer_away error=")
    assert said[-1] == "issuer_answered keys=2"


def test_a_key_that_the_issuer_takes_back_ends(small: SmallIssuer) -> None:
    async def story(asking: Asking) -> None:
        await asking.first()
        small.keys = [SECOND]

        asking.at = FRESH_SECONDS - 1
        assert await asking.first()
        asking.at = FRESH_SECONDS
        assert await asking.first(), "who comes first does not wait"
        await asking.settled()
        with pytest.raises(TokenError):
            await asking.first()

    goes(small, story)


def test_who_goes_away_while_it_is_asked_takes_nothing_from_others(small: SmallIssuer) -> None:
    async def story(asking: Asking) -> None:
        leaving = asyncio.create_task(asking.first())
        staying = asyncio.create_task(asking.first())
        await asyncio.sleep(0)
        leaving.cancel()

        assert (await staying)["sub"] == "u-1"
        assert small.asked["keys"] == 1

    goes(small, story)


def test_it_is_asked_at_the_start(small: SmallIssuer) -> None:
    async def story(asking: Asking) -> None:
        async with asking.issuer.running():
            await asking.settled()

            assert small.asked["keys"] == 1

    goes(small, story)


def test_an_issuer_that_answers_with_nothing_but_hesitation_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(openid, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        small = SmallIssuer(FIRST)
        small._port = silent.getsockname()[1]

        async def story(asking: Asking) -> None:
            started = time.monotonic()
            with pytest.raises(IssuerAwayError):
                await asking.first()
            assert time.monotonic() - started < 5

        goes(small, story)
    assert "issuer_away error=timed out" in caplog.text


def test_over_https_only_a_certificate_that_the_machine_trusts_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = certificate(tmp_path / "own.pem")
    with SmallIssuer(FIRST, certificate=own) as small:

        async def story(asking: Asking) -> None:
            assert small.address.startswith("https://")
            with pytest.raises(IssuerAwayError):
                await asking.first()
            monkeypatch.setenv("SSL_CERT_FILE", str(own))
            asking.at += RETRY_SECONDS
            assert await asking.first()

        goes(small, story)
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


DESCRIBED: dict[str, tuple[dict[str, Any], str]] = {
    "another": ({"issuer": "https://evil.example"}, "`oidc_issuer` must be what the issuer calls itself, sign by sign"),
    "no keys": ({"jwks_uri": None}, "issuer must describe itself; got Expected `str`, got `null`"),
    "open to all": ({"jwks_uri": "http://keys.example/"}, "`jwks_uri` of the issuer must be an address with https"),
    "a file": ({"jwks_uri": "file:///etc/passwd"}, "`jwks_uri` of the issuer must be an address with https"),
}


@pytest.mark.parametrize(("described", "sentence"), DESCRIBED.values(), ids=DESCRIBED)
def test_an_issuer_that_is_not_as_it_should_be_is_said_in_the_log(
    small: SmallIssuer, caplog: pytest.LogCaptureFixture, described: dict[str, Any], sentence: str
) -> None:
    small.described = described

    async def story(asking: Asking) -> None:
        with pytest.raises(IssuerAwayError):
            await asking.first()

    goes(small, story)
    assert sentence in caplog.text


def test_a_description_that_is_nested_too_deep_is_none() -> None:
    with pytest.raises(ValueError, match=r"issuer must describe itself; got maximum recursion depth .* \(there\)"):
        openid._Description.read(b'{"members":' * 5_000, "there")


def test_keys_come_from_the_address_that_was_named_and_are_no_flood(small: SmallIssuer) -> None:
    small.moved_to = f"{small.address}/elsewhere"
    with pytest.raises(OSError, match="302"):
        openid._fetch(f"{small.address}/keys")
    small.moved_to = ""
    with pytest.raises(ValueError, match=r"must have at most 10 bytes; got more \(http://127.0.0.1"):
        _with_few_bytes(small)


def _with_few_bytes(small: SmallIssuer) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openid, "MOST_BYTES", 10)
        openid._fetch(f"{small.address}/keys")


@pytest.mark.parametrize(
    "address", ["http://login.example", "login.example", "ftp://127.0.0.1", "https://", "http://[::"]
)
def test_an_address_that_anybody_on_the_way_can_answer_for_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="`oidc_issuer` must be an address with https, or one on this machine"):
        Issuer(address, AUDIENCE)


def test_a_stroke_at_the_end_belongs_to_the_name_and_not_to_the_place() -> None:
    issuer = Issuer("https://login.example/", AUDIENCE)

    assert issuer.description == "https://login.example/.well-known/openid-configuration"
