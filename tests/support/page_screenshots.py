"""`python -m tests.support.page_screenshots`: write the pictures of the documentation.

It needs Chromium. The pages are filled: the sample notes with a semantic hit, and the counters of a
generated month.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from functions.stats.app import create_app
from infra.local.demo_scenario import SCENARIOS
from infra.local.sample_notes import SampleSet
from infra.local.valkey import start_valkey
from shared.settings import Settings
from tests.support.browser import CHROMIUM_ARGUMENTS
from tests.support.command import serve_tercet
from tests.support.counter_history import write_counter_history
from tests.support.huggingface import serving
from tests.support.stats_app import of

expect.set_options(timeout=180_000)  # milliseconds; the machine may be busy
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZES: dict[str, ViewportSize] = {
    "": {"width": 1280, "height": 900},
    "-phone": {"width": 390, "height": 844},
}


@contextmanager
def dashboard() -> Iterator[str]:
    """Run the stats app over the counters of a month; yield its URL."""
    with start_valkey(None, maxmemory="100mb") as server:
        write_counter_history(server.port)
        settings = Settings(redis_url=server.url, redis_timeout=5, local_mode=True)
        with serving(create_app(of(settings))) as url:
            yield url


def open_page(browser: Browser, url: str, size: ViewportSize) -> Page:
    """Open a page in the light scheme."""
    page = browser.new_page(viewport=size, locale="en-US", color_scheme="light")
    page.set_default_timeout(180_000)
    page.goto(url)
    return page


def ask_sample_questions(page: Page) -> None:
    """Import the sample notes if there are none, and ask until a semantic hit."""
    scenario = SCENARIOS[SampleSet.HANDBOOK]
    samples = page.get_by_role("button", name="company handbook")
    questions = page.locator("#examples li:visible")
    expect(samples.or_(questions.first)).to_be_visible()
    if samples.is_visible():
        samples.click()
    for question in (scenario.question, scenario.other_question, scenario.wording):
        questions.filter(has_text=question).get_by_role("button").click(timeout=60_000)
        expect(page.locator("#answer-title")).to_have_text(question)
        expect(page.locator("#band")).to_be_visible()
    expect(page.locator("#band")).to_contain_text("Semantic hit")


def write_screenshots(browser: Browser) -> None:
    """Write a picture of each page and size."""
    IMAGES.mkdir(exist_ok=True)
    for suffix, size in SIZES.items():
        with tempfile.TemporaryDirectory() as data, serve_tercet(Path(data)) as url:
            page = open_page(browser, f"{url}/playground", size)
            ask_sample_questions(page)
            page.screenshot(path=IMAGES / f"playground{suffix}.png")
        with dashboard() as url:
            page = open_page(browser, f"{url}/assistant/dashboard", size)
            expect(page.locator("[data-chart=rates] .column")).to_have_count(7)
            page.screenshot(path=IMAGES / f"dashboard{suffix}.png")


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=which("chromium"), args=CHROMIUM_ARGUMENTS
        )
        write_screenshots(chromium)
        chromium.close()
