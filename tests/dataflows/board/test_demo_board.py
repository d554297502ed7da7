"""The board of the demo opens in a browser where somebody sits before a screen, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from dataflows.cli import demo as cli_demo
from dataflows.demo import Plan

ELSEWHERE = {"bootstrap": "127.0.0.1:1", "redis_url": "redis://127.0.0.1:1/0", "pool_dsn": "http://127.0.0.1:1/default"}


@pytest.fixture
def demo(tmp_path: Path) -> Any:
    """As much of a demo as its board asks for; its servers are all away."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    return SimpleNamespace(folder=tmp_path, plan=Plan(None, 1.0, 1), now=lambda: now, stories=[], **ELSEWHERE)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(cli_demo.webbrowser, "open", found.append)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    return found


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.removeprefix("board: ").strip()


def test_on_a_screen_it_opens_at_the_address_that_is_told(
    demo: Any, opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")

    with cli_demo._board(demo, opens=True):
        address = told(capsys)
        page = httpx.get(address)

    assert opened == [address]
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_its_token_opens_the_service_and_stands_behind_the_hash(demo: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with cli_demo._board(demo, opens=False):
        board, _, token = told(capsys).partition("board/#token=")
        me = httpx.get(f"{board}v1/me", headers={"authorization": f"Bearer {token}"}).json()

    assert (me["role"], me["region"], me["more"], me["speed"]) == ("supervisor", "", ["/v1/stories"], 7200)
    assert token not in httpx.URL(board).path


@pytest.mark.parametrize("environment", [{}, {"DISPLAY": ":0", "SSH_CONNECTION": "x"}], ids=["no screen", "over ssh"])
def test_without_a_screen_nothing_opens(
    demo: Any, opened: list[str], monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with cli_demo._board(demo, opens=True):
        pass

    assert opened == []


def test_who_wants_no_browser_gets_none(demo: Any, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")

    with cli_demo._board(demo, opens=False):
        pass

    assert opened == []
