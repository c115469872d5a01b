"""The playground shows an answer while it is generated."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from infra.local.commands.serve import build_local_app
from tests.support.browser import Visitor
from tests.support.event_stream import container_before
from tests.support.http_faults import stream
from tests.support.huggingface import FakeHuggingFace, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]
WORDS = "Faith is the substance of things hoped for [1]. " * 5


@pytest.fixture
def host() -> FakeHuggingFace:
    return FakeHuggingFace(answer=lambda _: WORDS.strip(), token_latency=0.1)


@pytest.fixture
def served(host: FakeHuggingFace) -> Iterator[str]:
    with (
        container_before(host, notes_api=True) as container,
        serving(build_local_app(container)) as address,
    ):
        change = {
            "user_id": "me",
            "note_id": "faith",
            "operation": "updated",
            "occurred_at": "2026-11-23T08:00:00Z",
        }
        text = {"title": "Faith", "text": "Faith is the substance.", "version": 1}
        written = httpx.post(
            f"{address}/v1/notes/changes",
            json=change | text,
            headers={"X-Tercet-User": "me"},
            timeout=30,
        )
        written.raise_for_status()
        yield address


def test_text_appears_while_it_is_generated(visitor: Visitor, served: str) -> None:
    page = visitor.open(served, path="/playground")
    page.get_by_label("Ask your notes").fill("What is faith?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#text")).to_contain_text("Faith is the substance")
    expect(page.locator("#activity")).to_have_text("Writing an answer from 1 passage …")
    assert len(page.locator("#text").inner_text()) < len(WORDS) - 20
    expect(page.locator("#band")).to_contain_text("New answer")
    expect(page.locator("#text")).to_have_text(WORDS.strip())
    expect(page.locator("#text a").first).to_have_text("[1]")


def test_text_of_a_stream_that_fails_is_removed(
    visitor: Visitor, served: str, host: FakeHuggingFace
) -> None:
    page = visitor.open(served, path="/playground")
    event = 'data: {"choices": [{"delta": {"content": "Faith is a mistake "}}]}\n\n'
    host.script(stream(event, event, pause=1, then_drop=True), path="/chat/completions")
    page.get_by_label("Ask your notes").fill("What is hope?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#text")).to_contain_text("mistake")
    expect(page.get_by_role("alert")).to_contain_text("The question was not answered")
    expect(page.locator("#answer")).to_be_hidden()
