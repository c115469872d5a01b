"""Fixtures: a browser, the stats app on a port with its own Valkey server, and the playground."""

from collections.abc import Iterator
from shutil import which

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from functions.stats.app import create_app
from infra.local.valkey import ValkeyProcess, start_valkey
from shared.settings import Settings
from tests.support.browser import CHROMIUM_ARGUMENTS, Visitor
from tests.support.command import serve_tercet, start_tercet
from tests.support.counter_history import write_counter_history
from tests.support.huggingface import serving
from tests.support.stats_app import of
from tests.support.tokens import Issuer, issuing

expect.set_options(timeout=30_000)  # milliseconds; the machine may be busy


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start chromium. Its scope is the package: no event loop can run beside Playwright's."""
    program = which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Return a visitor; fail if its pages had errors or sent requests to several servers."""
    visiting = Visitor(browser)
    yield visiting
    for context in browser.contexts:
        context.close()
    assert visiting.errors == []
    assert len(visiting.hosts) == 1


@pytest.fixture
def valkey() -> Iterator[ValkeyProcess]:
    """Start a server for one test, because reading statistics closes days."""
    with start_valkey(None, maxmemory="100mb") as server:
        yield server


@pytest.fixture
def local(valkey: ValkeyProcess) -> Iterator[str]:
    """Return the URL of an app in local mode, without any requests."""
    settings = Settings(redis_url=valkey.url, redis_timeout=5, local_mode=True)
    with serving(create_app(of(settings))) as url:
        yield url


@pytest.fixture
def busy(valkey: ValkeyProcess, local: str) -> str:
    """Return the URL of an app in local mode, after a busy month."""
    write_counter_history(valkey.port)
    return local


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def guarded(valkey: ValkeyProcess, issuer: Issuer) -> Iterator[str]:
    """Return the URL of an app that requires tokens, after a busy month."""
    write_counter_history(valkey.port)
    settings = issuer.settings(redis_url=valkey.url, redis_timeout=5)
    with serving(create_app(of(settings))) as url:
        yield url


@pytest.fixture(scope="session")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of `tercet serve` with a few notes."""
    data = tmp_path_factory.mktemp("data")
    notes = tmp_path_factory.mktemp("notes")
    (notes / "faith.md").write_text("# Faith\n\nFaith is the substance of things hoped for.\n")
    (notes / "garden.md").write_text("# Garden\n\nThe pear tree is pruned in February.\n")
    # Enough notes that a search finds k chunks without the garden note.
    for virtue in ("Hope", "Love", "Prayer", "Patience", "Humility"):
        (notes / f"{virtue}.md").write_text(f"# {virtue}\n\n{virtue} is a gift to believers.\n")
    importing = start_tercet("notes", "import", notes, "--data", data)
    assert importing.wait(60) == 0
    with serve_tercet(data) as url:
        yield url


@pytest.fixture
def page(visitor: Visitor, playground: str) -> Page:
    return visitor.open(playground, path="/playground")
