"""A window of a real browser, and everything that it complained of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, ConsoleMessage, sync_playwright
from tools import need

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
WALL, PHONE = {"width": 1920, "height": 1080}, {"width": 390, "height": 844}
WAIT_MS = 15_000
# what a page must not do, and how often it rang
WATCH = """
window.violations = []
addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective + ' ' + e.blockedURI))
window.tones = 0
const start = OscillatorNode.prototype.start
OscillatorNode.prototype.start = function (...given) { window.tones += 1; return start.apply(this, given) }
"""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with nothing in it."""
    path = need("chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Window:
    """One window; `complaints` are the errors and warnings of its console."""

    def __init__(self, browser: Browser, **options: object) -> None:
        self.context = browser.new_context(**{"viewport": WALL, "locale": "zh-CN", **options})  # type: ignore[arg-type]
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def violations(self) -> list[str]:
        """What broke the page's security policy."""
        found: list[str] = self.page.evaluate("window.violations")
        return found
