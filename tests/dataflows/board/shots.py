"""Pictures of the board in each of its states, to be looked at.

    PYTHONPATH=.:tests/support .venv/bin/python tests/dataflows/board/shots.py FOLDER

Empty and quiet are those of a small installation; busy and disconnected those of the demo's city.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from board_desk import BoardDesk
from board_window import PHONE, WALL, chromium
from live_flow import wait_until
from playwright.sync_api import Browser, Page

from dataflows.demo import Demo, Plan
from dataflows.demo_board import DemoBoard

SIZES: dict[str, dict[str, Any]] = {
    "wall": {"viewport": WALL},
    "phone": {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True},
}
LIGHTS = ("light", "dark")
BUSY_ALERTS = 22


class Shots:
    """Pictures go into one folder, named by state, size and light."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser = browser
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def boards(self, address: str) -> Iterator[dict[str, Page]]:
        """A board of each size and light."""
        pages = {}
        for size, options in SIZES.items():
            for light in LIGHTS:
                context = self._browser.new_context(color_scheme=light, locale="zh-CN", **options)
                page = pages[f"{size}-{light}"] = context.new_page()
                page.goto(address)
                page.wait_for_selector("[data-connection=live]")
        yield pages
        for page in pages.values():
            page.context.close()

    def take(self, state: str, pages: dict[str, Page]) -> None:
        """One picture of each."""
        for name, page in pages.items():
            page.screenshot(path=self._folder / f"{state}-{name}.png")


def small(shots: Shots, folder: Path) -> None:
    """Empty: nothing ever came. Quiet: reports came, nothing is open. Supervised: somebody has to answer."""
    with BoardDesk(folder) as desk:
        with shots.boards(desk.board("there")) as pages:
            for page in pages.values():
                page.wait_for_selector(".is-quiet")
            shots.take("empty", pages)
        for number in range(40):
            desk.report(f"lone-{number}", f"lone-{number}", "police", number, "620103")
        wait_until(lambda: desk.ask("/v1/day", "there")["events"] == 40, "the events must be in the pool")
        with shots.boards(desk.board("there")) as pages:
            for page in pages.values():
                page.wait_for_selector("text=最近一条事件")
            shots.take("quiet", pages)
        alert_id, other_id = desk.quarrel("wang", "zhao")
        with shots.boards(desk.board("head")) as pages:
            for page in pages.values():
                page.click(f"[role=option][data-alert='{alert_id}']")
                page.wait_for_selector(".timeline li")
            supervisor = pages["wall-light"]
            supervisor.keyboard.press("v")
            supervisor.fill("#whom", "酒泉路街道")
            supervisor.fill("dialog[open] textarea", "三日未办")
            shots.take("supervise", {"wall-light": supervisor})
            supervisor.click("dialog[open] button[type=submit]")
            for page in pages.values():
                page.wait_for_selector("[data-notice]")
            shots.take("supervised", pages)
            supervisor.click("[data-matter=split]")
            supervisor.check("dialog[open] input[type=checkbox] >> nth=0")
            supervisor.fill("dialog[open] textarea", "两件事")
            shots.take("split", {"wall-light": supervisor})
            supervisor.keyboard.press("Escape")
            supervisor.click("[data-matter=merge]")
            supervisor.select_option("#other", other_id)
            supervisor.wait_for_selector("dialog[open] input[name=into]:checked")
            supervisor.fill("dialog[open] textarea", "同一纠纷")
            shots.take("merge", {"wall-light": supervisor})
            supervisor.keyboard.press("Escape")


def city(shots: Shots, folder: Path) -> None:
    """Busy: some days of the simulated city. Disconnected: the same, a moment after its service ended."""
    demo = Demo(Plan(None, 200.0, 1), folder)
    with demo.running():
        board = DemoBoard(demo)
        with board.running() as address:
            sender = demo.send()
            wait_until(
                lambda: bool(demo.read_alerts() or True) and open_count(demo) >= BUSY_ALERTS, "the city must be busy"
            )
            with shots.boards(address) as pages:
                for page in pages.values():
                    page.wait_for_selector("canvas", state="attached")
                shots.take("busy", pages)
                for page in pages.values():
                    page.click("[role=option] >> nth=1")
                    page.wait_for_selector(".revisions li")
                    page.wait_for_selector(".timeline li")
                shots.take("detail", pages)
                page = pages["wall-light"]
                page.keyboard.press("c")
                page.wait_for_selector("dialog[open]")
                shots.take("form", {"wall-light": page})
                for page in pages.values():
                    if page.locator("dialog[open]").count():
                        page.keyboard.press("Escape")
                board.end()
                for page in pages.values():
                    page.wait_for_selector(".broken")
                shots.take("disconnected", pages)
            demo.stop()
            sender.join(30)


def open_count(demo: Demo) -> int:
    return sum(each.state in ("open", "acked") for each in demo.last_revisions())


def main() -> None:
    """Write all pictures."""
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        shots = Shots(browser, out)
        small(shots, Path(folder))
        city(shots, Path(tempfile.mkdtemp(dir=folder)))


if __name__ == "__main__":
    main()
