"""A visitor with a browser, which records requests and errors of its pages."""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, ViewportSize

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
TABLET: ViewportSize = {"width": 768, "height": 1024}
PHONE: ViewportSize = {"width": 375, "height": 812}

CHROMIUM_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The browser logs each error response; tests assert what the page shows instead.
_ERROR_RESPONSE = "Failed to load resource"


def rounded(number: float, digits: int) -> str:
    """Format a number as `Intl.NumberFormat`, which rounds half of its decimal text up."""
    return f"{Decimal(str(number)).quantize(Decimal(10) ** -digits, ROUND_HALF_UP):,}"


def percent(share: float) -> str:
    """Format a share as the pages do: one digit after the point."""
    return f"{rounded(float(Decimal(str(share)) * 100), 1)}%"


@dataclass
class Visitor:
    """A browser window, its requests, and its errors."""

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
        """Open a page in a new window. If it is `clocked`, tests can move its clock forward."""
        context = self.browser.new_context(
            viewport=size, locale="en-US", reduced_motion="reduce", **options
        )
        page = context.new_page()
        page.set_default_timeout(30_000)  # the machine may be busy
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108  # Playwright marks what it is given
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._record_message)
        if clocked:
            page.clock.install()
        page.goto(f"{url}{path}")
        return page

    @property
    def hosts(self) -> set[str]:
        """Hosts that the pages sent requests to."""
        parts = [urlsplit(request.url) for request in self.requests]
        return {part.netloc for part in parts if part.scheme != "data"}

    def _record_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_ERROR_RESPONSE):
            self.errors.append(message.text)


def save_screenshot(page: Page, name: str) -> None:
    """Save a screenshot of the whole page in `build/screenshots`."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def accessibility_violations(page: Page) -> list[str]:
    """Return axe-core's serious and critical violations, each with its first node."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html']}: {each['nodes'][0]['failureSummary']}"
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]
