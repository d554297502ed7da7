"""What opens the door, and for how long: for answers that go on and on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dataflows.api import tokens
from dataflows.api.caller import Caller
from dataflows.api.credentials import Credentials
from dataflows.api.problem import RefusedError
from dataflows.api.tokens import TokenBook, make_token

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LOOK_SECONDS", 0.0)


def test_who_is_taken_out_of_the_file_may_not_stay(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    (shown, first), (_, second) = make_token("li", "viewer", "", LATER), make_token("wang", "viewer", "")
    path.write_text(f"apiVersion: tokens/v1\ntokens:\n{first}\n{second}\n", encoding="utf-8")
    credentials = Credentials(TokenBook(path), None)

    li = asyncio.run(credentials.caller(shown, NOW))
    assert credentials.still_opens(li, NOW)
    assert not credentials.still_opens(li, LATER)

    path.write_text(f"apiVersion: tokens/v1\ntokens:\n{second}\n", encoding="utf-8")
    assert not credentials.still_opens(li, NOW)


def test_who_has_signed_in_may_stay_until_their_token_ends() -> None:
    zhao = Caller("zhao.lei", "duty.county", "620102", LATER, signed_in=True)
    credentials = Credentials(None, None)

    assert credentials.still_opens(zhao, NOW)
    assert not credentials.still_opens(zhao, LATER)


@pytest.mark.parametrize("shown", ["", "x", "a.b.c"])
def test_where_there_is_nothing_to_show_nothing_opens(shown: str) -> None:
    with pytest.raises(RefusedError, match="must be `Bearer <token>` with a known token; got another or none") as said:
        asyncio.run(Credentials(None, None).caller(shown, NOW))

    assert said.value.headers == {"WWW-Authenticate": "Bearer"}
