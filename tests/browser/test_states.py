"""What an operator sees: nothing yet, a busy month, a cache that is away."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from infra.local.valkey import ValkeyProcess
from shared.cache import keyspace
from shared.inference.breaker import Breakers
from shared.settings import Settings
from tests.support.browser import PHONE, Visitor, faults, picture
from tests.support.command import started
from tests.support.servers import call

pytestmark = pytest.mark.xdist_group("browser")


def figure(page: Page, name: str) -> str:
    return page.locator(f"[data-figure={name}]").inner_text()


def poll(page: Page) -> None:
    """Let the page ask again now, as when somebody comes back to it."""
    with page.expect_response("**/cache-stats*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_where_nothing_was_asked_it_says_so_and_how_to_begin(visitor: Visitor, local: str) -> None:
    page = visitor.open(local)
    expect(page.get_by_role("heading", name="Nothing yet")).to_be_visible()
    expect(page.get_by_text("No question was asked in the last 7 days.")).to_be_visible()
    expect(page.locator("#report")).to_be_hidden()
    picture(page, "empty")


def test_a_busy_month_shows_the_figures_of_the_response(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    page.get_by_role("radio", name="30 days").check()
    told = httpx.get(
        f"{busy}/assistant/cache-stats?days=30", headers={"X-Tercet-User": "ann"}
    ).json()
    window = told["window"]
    expect(page.locator("[data-figure=avoided]")).to_have_text(f"{window['answers_avoided']:.1%}")
    assert figure(page, "anyTier") == f"{window['combined_hit_rate']:.1%}"
    assert figure(page, "saved") == f"${window['cost_saved']:.2f}"
    assert figure(page, "spent") == f"${window['cost_actual']:.2f}"
    hits, asked = window["cache_hits"]["l1"], window["total_requests"]
    assert figure(page, "avoidedOf") == f"{hits:,} of {asked:,} questions"
    latency = page.locator("[data-latency] tr").nth(1)
    assert latency.locator("td").all_inner_texts()[1:] == [
        f"{window['latency_ms']['exact'][p]:.1f} ms" for p in ("p50", "p95")
    ]
    changes = page.locator("[data-list=changes] dd").all_inner_texts()
    assert changes[0] == f"{window['note_changes']['acknowledged']:,}"
    expect(page.get_by_role("meter", name="Memory")).to_be_visible()
    for chart in ("share", "questions", "money"):
        expect(page.locator(f"[data-chart={chart}] .reading")).to_have_count(30)
    rows = page.locator("[data-table=questions] tbody tr")
    served = [int(cell.replace(",", "")) for cell in rows.first.locator("td").all_text_contents()]
    assert sum(served) == told["days"][-1]["total_requests"]
    picture(page, "busy")


def test_the_days_window_is_the_day_within_its_week(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    expect(page.locator("[data-chart=money] g.past")).to_have_count(0)
    picture(page, "week")
    of_the_week = figure(page, "avoidedOf")
    page.get_by_role("radio", name="Today").check()
    expect(page.locator("[data-figure=avoidedOf]")).not_to_have_text(of_the_week)
    expect(page.locator("[data-chart=money] g.past")).to_have_count(6)
    picture(page, "today")


def test_tercet_serve_shows_its_first_questions_by_itself(visitor: Visitor, tmp_path: Path) -> None:
    process = started("serve", "--port", "0", "--data", tmp_path)
    assert process.stdout
    url = process.stdout.readline().split()[3]
    try:
        page = visitor.open(url)
        expect(page.get_by_role("heading", name="Nothing yet")).to_be_visible()
        expect(page.locator("[data-state=store]")).to_have_text("Notes connected")
        with httpx.Client(base_url=url, headers={"X-Tercet-User": "ann"}, timeout=60) as client:
            note = {
                "user_id": "ann",
                "note_id": "a",
                "operation": "updated",
                "text": "Faith leans.",
            }
            when = datetime.now(UTC).isoformat()
            assert client.post("/notes/changes", json=note | {"occurred_at": when}).is_success
            for _ in range(2):
                client.post("/assistant/query", json={"query": "What is faith?"})
        expect(page.locator("[data-figure=avoidedOf]")).to_have_text("1 of 2 questions")
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_while_the_cache_is_away_it_says_so_keeps_the_figures_and_asks_ever_less(
    visitor: Visitor, valkey: ValkeyProcess, busy: str
) -> None:
    page = visitor.open(busy, clocked=True)
    expect(page.locator("#report")).to_be_visible()
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        with page.expect_response("**/cache-stats*") as answer:
            page.clock.fast_forward(5_000)
        assert answer.value.status == 503
        expect(page.get_by_role("alert").get_by_text("The cache is away")).to_be_visible()
        expect(page.locator("[data-state=cache]")).to_have_text("Cache away")
        expect(page.get_by_text("These figures are of")).to_be_visible()
        asked = len(visitor.requests)
        page.clock.fast_forward(5_500)
        page.wait_for_timeout(100)
        assert len(visitor.requests) == asked, "it asks again after ten seconds, not after five"
        assert faults(page) == []
        picture(page, "away")
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    for _ in range(20):  # the server, too, leaves Redis alone for a moment
        page.clock.fast_forward(60_000)
        page.wait_for_timeout(200)
        if page.get_by_role("alert").is_hidden():
            break
    expect(page.get_by_role("status")).to_have_text("The figures are back.")


def test_a_cache_that_was_never_there_is_no_empty_page(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    valkey.stop()
    page = visitor.open(local)
    expect(page.get_by_role("alert").get_by_text("The cache is away")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing yet")).to_be_hidden()
    picture(page, "never")


def test_a_model_that_is_left_alone_is_shown(
    visitor: Visitor, valkey: ValkeyProcess, busy: str
) -> None:
    chat = Breakers.of(Settings()).chat
    lasting = 1_000 * (3_600 + 15)  # milliseconds: see `shared/cache/breakers.py`
    call(valkey.port, f"SET {keyspace.breaker_pause(0, chat.id)} 1 PX {lasting}")
    page = visitor.open(busy)
    expect(page.locator("[data-state=model]")).to_have_text("Model failing")
    expect(page.locator("[data-state=breaker]")).to_have_text("Breaker open")
    picture(page, "breaker")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_on_a_phone(visitor: Visitor, busy: str, scheme: str) -> None:
    page = visitor.open(busy, size=PHONE, color_scheme=scheme)
    expect(page.locator("#report")).to_be_visible()
    for days in ("Today", "30 days"):
        page.get_by_role("radio", name=days).check()
        page.get_by_text("As a table").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.get_by_text("As a table").first.click()
    page.get_by_text("As a table").first.click()
    picture(page, f"phone-{scheme}")
    poll(page)


def test_it_is_dark_where_one_likes_it_dark(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy, color_scheme="dark")
    page.get_by_role("radio", name="30 days").check()
    expect(page.locator("[data-chart=share] .reading")).to_have_count(30)
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert max(red, green, blue) < 40
    picture(page, "dark")
