"""What an operator sees: nothing yet, a busy month, a cache that is away."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from functions.stats.app import create_app
from infra.local.valkey import ValkeyProcess
from shared.cache import counters
from shared.inference.circuit_breaker import CircuitBreakers
from shared.inference.shared_circuit_state import HALF_OPEN_SECONDS, open_key
from shared.settings import Settings
from tests.support.browser import PHONE, Visitor, faults, picture
from tests.support.command import start_tercet
from tests.support.counted import of
from tests.support.huggingface import serving
from tests.support.servers import send_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


def figure(page: Page, name: str) -> str:
    return page.locator(f"[data-figure={name}]").inner_text()


def milliseconds(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f}".removesuffix(".0") + " ms"


def count_today(valkey: ValkeyProcess, **counts: int) -> None:
    pairs = " ".join(f"{name} {number}" for name, number in counts.items())
    assert "ERR" not in send_command(valkey.port, f"HSET {counters.todays_key(5)} {pairs}")


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


def test_questions_that_the_cache_knows_nothing_of_are_no_empty_page(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    count_today(valkey, cache_unavailable=3, redis_outages=1)
    page = visitor.open(local)
    expect(page.locator("#report")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing yet")).to_be_hidden()
    assert page.locator("[data-list=trouble] dd").all_inner_texts()[1:3] == ["3", "1"]


def test_an_outage_alone_is_shown_beside_that_nothing_was_asked(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    count_today(valkey, redis_outages=2)
    page = visitor.open(local)
    expect(page.locator("#report")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing yet")).to_be_visible()
    assert page.locator("[data-list=trouble] dd").all_inner_texts()[2] == "2"


def test_however_questions_ended_the_rows_add_up_to_all_of_them(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    ended = {
        f"outcome_{name}": n
        for name, n in zip(("stale", "extractive", "no_notes", "failed"), range(3, 7), strict=True)
    }
    count_today(valkey, l1_hits=10, l1_misses=30, no_cache=2, outcome_none=7, **ended)
    page = visitor.open(local)
    expect(page.locator("#report")).to_be_visible()
    rows = page.locator("[data-bars=tiers] tbody tr").all()
    shown = {row.locator("th").inner_text(): row.locator("td").nth(1).inner_text() for row in rows}
    counts = [int(number) for number in shown.values()]
    assert counts == [10, 0, 0, 0, 0, 7, 3, 4, 5, 6, 7]
    assert sum(counts) == 42
    assert figure(page, "avoidedOf") == "10 of 42 questions"


def test_ways_that_nothing_went_are_not_listed(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    ended = {"outcome_failed": 6}
    count_today(valkey, l1_hits=10, l1_misses=6, **ended)
    page = visitor.open(local)
    rows = page.locator("[data-bars=tiers] tbody tr")
    expect(rows).to_have_count(7)
    expect(rows.last).to_contain_text("Failed")
    expect(page.locator("[data-key=questions] li").last).to_have_text("Failed")


def test_a_share_of_all_has_its_label_within_the_chart(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    count_today(valkey, l1_hits=100)
    page = visitor.open(local)
    labels = page.locator("[data-chart=share] .latest")
    expect(labels).to_have_text(["100.0%", "100.0%"])
    chart = page.locator("[data-chart=share]").bounding_box()
    for label in labels.all():
        box = label.bounding_box()
        assert box
        assert chart
        assert chart["y"] <= box["y"]
        assert box["y"] + box["height"] <= chart["y"] + chart["height"]


def test_a_cache_that_is_switched_off_says_so_with_and_without_its_figures(
    visitor: Visitor, valkey: ValkeyProcess
) -> None:
    count_today(valkey, l1_hits=1)
    settings = Settings(redis_url=valkey.url, redis_timeout=1, local_mode=True, cache_enabled=False)
    with serving(create_app(of(settings))) as url:
        page = visitor.open(url)
        expect(page.get_by_role("heading", name="The cache is switched off")).to_be_visible()
        expect(page.locator("[data-figure=avoidedOf]")).to_have_text("1 of 1 questions")
        expect(page.locator("[data-state=cache]")).to_have_text("Cache switched off")
        picture(page, "off")
        valkey.stop()
        again = visitor.open(url)
        expect(again.get_by_role("alert").get_by_text("The cache is switched off")).to_be_visible()


def test_a_refusal_on_ones_own_machine_asks_for_no_token(visitor: Visitor, local: str) -> None:
    """As where the server listens to others, too, and takes this name for nobody's."""
    page = visitor.open("about:blank", path="")
    refusal = {"status": 403, "json": {"detail": "not from here"}}
    page.route("**/cache-stats*", lambda route: route.fulfill(**refusal))
    page.goto(f"{local}/assistant/dashboard")
    expect(page.get_by_role("alert").get_by_text("not from here")).to_be_visible()
    poll(page)
    expect(page.get_by_label("Bearer token")).to_be_hidden()
    assert page.evaluate("document.activeElement === document.body")


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
    for row, outcome in enumerate(("exact", "coalesced", "semantic", "generated"), 1):
        times = page.locator("[data-latency] tr").nth(row).locator("td").all_inner_texts()[1:]
        assert times == [milliseconds(window["latency_ms"][outcome][p]) for p in ("p50", "p95")]
    changes = window["note_changes"]
    kept, dropped = changes["kept"], changes["dropped"]
    assert page.locator("[data-list=changes] dd").all_inner_texts() == [
        f"{changes['acknowledged']:,}",
        f"{kept:,} ({kept / (kept + dropped):.1%})",
        f"{dropped:,}",
        milliseconds(changes["avg_lag_ms"]),
    ]
    drops = (f"{told['tiers'][tier]['drops']:,}" for tier in ("l1", "l2", "l3"))
    assert page.locator("[data-list=memory] dd").last.inner_text() == ", ".join(drops)
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
    process = start_tercet("serve", "--port", "0", "--data", tmp_path)
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
        first = page.locator("[data-figure=avoidedOf]")
        expect(first).to_have_text("1 of 2 questions", timeout=15_000)  # three polls
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
    chat = CircuitBreakers.from_settings(Settings()).chat
    milliseconds = 1_000 * (HALF_OPEN_SECONDS + 15)
    send_command(valkey.port, f"SET {open_key(chat.id)} 1 PX {milliseconds}")
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
