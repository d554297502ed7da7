"""The files of the board: anybody may load them, a browser may keep them, and they may load nothing from elsewhere."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from served import Served
from service import World

from dataflows.api.page import FOLDER

pytestmark = pytest.mark.integration


@pytest.fixture
def web(tmp_path: Path, redis_url: str, clickhouse_dsn: str, bootstrap: str) -> Iterator[httpx.Client]:
    world = World(tmp_path, redis_url, clickhouse_dsn, bootstrap)
    with Served(world) as served, httpx.Client(base_url=served.address) as client:
        yield client
    world.close()


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
