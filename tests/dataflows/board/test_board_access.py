"""The board for everybody: no fault that axe finds, by day and by night, on a wall and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from board_desk import BoardDesk
from board_window import PHONE, WALL
from playwright.sync_api import Page

Open = Callable[..., Page]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def faults(page: Page) -> list[tuple[str, Any]]:
    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]


@pytest.fixture(scope="module")
def alert_id(desk: BoardDesk) -> str:
    found, _ = desk.quarrel("shen", "han")
    desk.knife("shen")
    return found


@pytest.mark.parametrize(
    ("light", "size"), [("light", WALL), ("dark", PHONE)], ids=["a wall by day", "a phone by night"]
)
def test_list_detail_and_forms_have_no_fault(alert_id: str, open_board: Open, light: str, size: dict[str, int]) -> None:
    page = open_board("head", color_scheme=light, viewport=size)
    page.wait_for_selector(f"[data-alert='{alert_id}'].level-red")
    assert faults(page) == []

    page.click(f"[data-alert='{alert_id}']")
    page.wait_for_selector(".timeline li")
    assert faults(page) == []

    page.click("[data-runbook]")
    page.wait_for_selector("dialog.runbook h2")
    assert faults(page) == []

    page.keyboard.press("Escape")
    for form in ("[data-form=close]", "[data-form=supervise]", "[data-matter=split]", "[data-matter=merge]"):
        page.click(form)
        assert faults(page) == [], form
        page.keyboard.press("Escape")

    if not page.locator("[data-notice]").count():
        page.click("[data-form=supervise]")
        page.fill("#whom", "街道")
        page.click("dialog[open] button[type=submit]")
    page.wait_for_selector("[data-notice]")
    assert faults(page) == []


def test_the_login_has_no_fault(open_board: Open) -> None:
    assert faults(open_board(path="/board/", is_live=False)) == []
