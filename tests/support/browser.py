"""A real browser, and what a page does in it that a page should not."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 812}

# Which responses were errors is the browser's own record; the page shows what it makes of them.
_RECORD = "Failed to load resource"


@dataclass
class Visitor:
    """Somebody with a browser window, and what went on in it."""

    browser: Browser
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(
        self,
        url: str,
        *,
        path: str = "/assistant/dashboard",
        size: ViewportSize = DESKTOP,
        clocked: bool = False,
        **options: Any,
    ) -> Page:
        """Open a page of a server, its dashboard if it is not said which, in a window of its own.

        Its clock can be wound forward if it is `clocked`.
        """
        context = self.browser.new_context(
            viewport=size, locale="en-US", reduced_motion="reduce", **options
        )
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108  # Playwright marks what it is given
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._heard)
        if clocked:
            page.clock.install()
        page.goto(f"{url}{path}")
        return page

    @property
    def hosts(self) -> set[str]:
        """Whom the pages asked for anything, the icon within the page aside."""
        parts = [urlsplit(request.url) for request in self.requests]
        return {part.netloc for part in parts if part.scheme != "data"}

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_RECORD):
            self.errors.append(message.text)


def picture(page: Page, name: str) -> None:
    """Write a picture of the whole page, for people to look at."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def faults(page: Page) -> list[str]:
    """Serious and critical accessibility faults that axe-core finds, each with its first node."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['nodes'][0]['html']}: {fault['nodes'][0]['failureSummary']}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
    ]
