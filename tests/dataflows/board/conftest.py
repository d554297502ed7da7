"""The board in a real browser, in front of the real flow and service."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from board_desk import BoardDesk
from board_window import Window, chromium
from playwright.sync_api import Browser, Page
from tools import need

Open = Callable[..., Page]


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoardDesk]:
    need("chromium", "apt-get install chromium")
    with BoardDesk(tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest.fixture(scope="module")  # while it is open, its loop runs in this thread, and no test can run one of its own
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_board(desk: BoardDesk, browser: Browser) -> Iterator[Open]:
    """Opens a board as somebody; in the end no window may have complained of anything."""
    windows: list[Window] = []

    def opened(who: str = "head", path: str = "", is_live: bool = True, **options: object) -> Page:
        window = Window(browser, **options)
        windows.append(window)
        window.page.goto(desk.board(who) if not path else f"{desk.address}{path}")
        if is_live:
            window.page.wait_for_selector("[data-connection=live]")
        return window.page

    yield opened
    violations = [each for window in windows for each in window.violations()]
    complaints = [each for window in windows for each in window.complaints if not _is_expected(each)]
    for window in windows:
        window.context.close()
    assert (violations, complaints) == ([], [])


def _is_expected(complaint: str) -> bool:
    """A browser says of each request that it came to nothing: while a server is dead, and of a refused action."""
    return "net::ERR_" in complaint or "status of 409" in complaint or "status of 503" in complaint
