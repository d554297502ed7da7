"""The files of the board: anybody may load them, a browser may keep them, and they may load nothing from elsewhere."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from litestar.testing import TestClient

from connectors.metrics import Metrics
from dataflows.api.app import Service, app
from dataflows.api.page import FOLDER
from dataflows.api.powers import load_routing
from dataflows.api.tokens import TokenBook, make_token


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The service in front of servers that are all away: the page needs none of them."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens.yaml"
    entry = make_token("li", "viewer", "")[1]
    tokens.write_text(f"apiVersion: tokens/v1\ntokens:\n{entry}\n", encoding="utf-8")
    service = Service("127.0.0.1:1", "redis://127.0.0.1:1/0", "http://127.0.0.1:1/default")
    web = app(service, TokenBook(tokens), load_routing(), Metrics(), machine=now, clock=now)
    with TestClient(web) as client:
        client.follow_redirects = False
        yield client


def test_whoever_comes_by_is_led_to_the_board_and_needs_no_token(web: httpx.Client) -> None:
    for path in ("/", "/board"):
        assert (web.get(path).status_code, web.get(path).headers["location"]) == (302, "board/")
    page = web.get("/board/")

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for name in re.findall(r'(?:src|href)="\./([^"]+)"', page.text):
        assert web.get(f"/board/{name}").status_code == 200, name


def test_the_page_runs_only_what_it_brings(web: httpx.Client) -> None:
    page = web.get("/board/")
    policy = page.headers["content-security-policy"]

    assert "script-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "<script>" not in page.text
    assert re.findall(r"(?:src|href)=\"(?!\./)", page.text) == []
    assert page.headers["x-frame-options"] == "DENY"


def test_a_browser_keeps_a_file_and_asks_whether_it_is_the_same(web: httpx.Client) -> None:
    first = web.get("/board/assets/board.js")
    again = web.get("/board/assets/board.js", headers={"if-none-match": first.headers["etag"]})
    plain = web.get("/board/assets/board.js", headers={"accept-encoding": "identity"})

    assert (first.headers["cache-control"], first.headers["content-encoding"]) == ("no-cache", "gzip")
    assert (again.status_code, again.content) == (304, b"")
    assert plain.content == first.content == (FOLDER / "assets" / "board.js").read_bytes()
    assert len(gzip.compress(first.content)) < 300_000


@pytest.mark.parametrize("name", ["no.js", "..%2Fapp.py", "%2e%2e%2fapp.py", "index.html", "licenses.md"])
def test_no_address_names_another_file(web: httpx.Client, name: str) -> None:
    assert web.get(f"/board/assets/{name}").status_code == 404


def test_answers_of_the_service_are_kept_nowhere(web: httpx.Client) -> None:
    answer = web.get("/v1/me")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
