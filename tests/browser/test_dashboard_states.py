"""The dashboard without requests, after a busy month, and while Redis is unavailable."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from functions.stats.app import create_app
from infra.local.valkey import ValkeyProcess
from shared.inference.circuit_breaker import CircuitBreakers
from shared.inference.shared_circuit_state import HALF_OPEN_SECONDS, breaker_keys
from shared.settings import Settings
from tests.support.browser import (
    PHONE,
    Visitor,
    accessibility_violations,
    percent,
    rounded,
    save_screenshot,
)
from tests.support.command import start_tercet
from tests.support.dashboard_page import count_today, refresh
from tests.support.huggingface import serving
from tests.support.servers import send_command
from tests.support.stats_app import of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


def value(page: Page, name: str) -> str:
    return page.locator(f"[data-value='period.{name}']").inner_text()


def milliseconds(value: float) -> str:
    return rounded(value, 0 if value >= 10 else 1).removesuffix(".0") + " ms"


def test_dashboard_without_requests_shows_how_to_send_one(visitor: Visitor, local: str) -> None:
    page = visitor.open(local)
    expect(page.get_by_role("heading", name="No requests")).to_be_visible()
    expect(page.get_by_text("There were no requests in the last 7 days.")).to_be_visible()
    expect(page.locator("#report")).to_be_hidden()
    save_screenshot(page, "empty")


def test_requests_during_an_outage_are_shown(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    count_today(valkey, cache_unavailable=3, redis_outages=1)
    page = visitor.open(local)
    expect(page.locator("#report")).to_be_visible()
    expect(page.get_by_role("heading", name="No requests")).to_be_hidden()
    assert page.locator("[data-table=errors] td").all_inner_texts()[1:3] == ["3", "1"]


def test_an_outage_without_requests_is_shown(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    count_today(valkey, redis_outages=2)
    page = visitor.open(local)
    expect(page.locator("#report")).to_be_visible()
    expect(page.get_by_role("heading", name="No requests")).to_be_visible()
    assert page.locator("[data-table=errors] td").all_inner_texts()[2] == "2"


def test_outcomes_add_up_to_all_requests(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    ended = {
        f"outcome_{name}": n
        for name, n in zip(("stale", "extractive", "no_notes", "failed"), range(3, 7), strict=True)
    }
    count_today(valkey, l1_hits=10, l1_misses=30, no_cache=2, outcome_none=7, **ended)
    page = visitor.open(local)
    expect(page.locator("#report")).to_be_visible()
    rows = page.locator("[data-table=outcomes] tbody tr").all()
    shown = {row.locator("th").inner_text(): row.locator("td").nth(1).inner_text() for row in rows}
    counts = [int(number) for number in shown.values()]
    assert counts == [10, 0, 0, 0, 0, 7, 3, 4, 5, 6, 7]
    assert sum(counts) == 42
    assert page.locator("#hits").inner_text() == "10 of 42 requests"


def test_rare_outcomes_are_listed_only_if_they_occurred(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    ended = {"outcome_failed": 6}
    count_today(valkey, l1_hits=10, l1_misses=6, **ended)
    page = visitor.open(local)
    rows = page.locator("[data-table=outcomes] tbody tr")
    expect(rows).to_have_count(7)
    expect(rows.last).to_contain_text("Failed")
    expect(page.locator("[data-legend=requests] li").last).to_have_text("Failed")


def test_disabled_cache_is_shown_with_and_without_statistics(
    visitor: Visitor, valkey: ValkeyProcess
) -> None:
    count_today(valkey, l1_hits=1)
    settings = Settings(redis_url=valkey.url, redis_timeout=5, local_mode=True, cache_enabled=False)
    with serving(create_app(of(settings))) as url:
        page = visitor.open(url)
        expect(page.get_by_role("heading", name="The cache is disabled")).to_be_visible()
        expect(page.locator("#hits")).to_have_text("1 of 1 requests")
        expect(page.locator("[data-state=cache]")).to_have_text("Cache disabled")
        save_screenshot(page, "off")
        valkey.stop()
        again = visitor.open(url)
        expect(again.get_by_role("alert").get_by_text("The cache is disabled")).to_be_visible()


def test_refusal_in_local_mode_asks_for_no_token(visitor: Visitor, local: str) -> None:
    page = visitor.open("about:blank", path="")
    refusal = {"status": 403, "json": {"detail": "not from here"}}
    page.route("**/cache-stats*", lambda route: route.fulfill(**refusal))
    page.goto(f"{local}/assistant/dashboard")
    expect(page.get_by_role("alert").get_by_text("not from here")).to_be_visible()
    refresh(page)
    expect(page.get_by_label("Bearer token")).to_be_hidden()
    assert page.evaluate("document.activeElement === document.body")


def test_dashboard_shows_the_values_of_the_response(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    page.get_by_role("radio", name="30 days").check()
    stats = httpx.get(
        f"{busy}/assistant/cache-stats?days=30", headers={"X-Tercet-User": "ann"}
    ).json()
    window = stats["window"]
    expect(page.locator("[data-value='period.answer_hit_rate']")).to_have_text(
        percent(window["answer_hit_rate"])
    )
    assert value(page, "combined_hit_rate") == percent(window["combined_hit_rate"])
    assert value(page, "cost_saved") == f"${rounded(window['cost_saved'], 2)}"
    assert value(page, "cost_actual") == f"${rounded(window['cost_actual'], 2)}"
    hits, requests = window["cache_hits"]["l1"], window["total_requests"]
    assert page.locator("#hits").inner_text() == f"{hits:,} of {requests:,} requests"
    for row, outcome in enumerate(("exact", "coalesced", "semantic", "generated"), 1):
        times = page.locator("[data-table=latency] tr").nth(row).locator("td").all_inner_texts()
        assert times == [milliseconds(window["latency_ms"][outcome][p]) for p in ("p50", "p95")]
    changes = window["note_changes"]
    retained, dropped = changes["answers_retained"], changes["answers_dropped"]
    assert page.locator("[data-table=changes] td").all_inner_texts() == [
        f"{changes['acknowledged']:,}",
        f"{retained:,} ({percent(retained / (retained + dropped))})",
        f"{dropped:,}",
        milliseconds(changes["avg_lag_ms"]),
    ]
    judged = window["matches_judged"]
    low, high = judged["wrong_share_low"], judged["wrong_share_high"]
    assert 0 <= low < high < 1
    assert page.locator("[data-table=judged] td").all_inner_texts() == [
        f"{judged['judged']:,}",
        f"{judged['wrong']:,} ({percent(judged['wrong_share'])})",
        f"{percent(low)} to {percent(high)}",
        percent(stats["similarity_threshold"]),
    ]
    drops = (f"{stats['tiers'][tier]['drops']:,}" for tier in ("l1", "l2", "l3"))
    assert page.locator("[data-table=contents] td").last.inner_text() == ", ".join(drops)
    expect(page.get_by_role("meter", name="Memory")).to_be_visible()
    for chart in ("rates", "requests", "cost"):
        expect(page.locator(f"[data-chart={chart}] .column")).to_have_count(30)
    rows = page.locator("[data-table=requests] tbody tr")
    outcomes = [int(cell.replace(",", "")) for cell in rows.first.locator("td").all_text_contents()]
    assert sum(outcomes) == stats["days"][-1]["total_requests"]
    save_screenshot(page, "busy")


def test_today_is_shown_within_its_week(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    expect(page.locator("[data-chart=cost] .past")).to_have_count(0)
    save_screenshot(page, "week")
    hits_of_the_week = page.locator("#hits").inner_text()
    page.get_by_role("radio", name="Today").check()
    expect(page.locator("#hits")).not_to_have_text(hits_of_the_week)
    expect(page.locator("[data-chart=cost] .past")).to_have_count(6)
    save_screenshot(page, "today")


def test_tercet_serve_dashboard_shows_the_first_requests(visitor: Visitor, tmp_path: Path) -> None:
    process = start_tercet("serve", "--port", "0", "--data", tmp_path)
    assert process.stdout
    url = process.stdout.readline().split()[3]
    try:
        page = visitor.open(url)
        expect(page.get_by_role("heading", name="No requests")).to_be_visible()
        expect(page.locator("[data-state=store]")).to_have_text("Note store connected")
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
        first = page.locator("#hits")
        expect(first).to_have_text("1 of 2 requests")  # three polls
        requests = page.locator("[data-table=recent] tbody tr")
        expect(requests).to_have_count(2)
        assert [row.locator("td").all_inner_texts()[:2] for row in requests.all()] == [
            ["Exact hit", "L1"],
            ["Generated, nothing cached", "\u2013"],
        ]
        expect(page.locator("#recent")).not_to_contain_text("faith")
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_outage_shows_the_last_statistics_and_retries_less_often(
    visitor: Visitor, valkey: ValkeyProcess, busy: str
) -> None:
    page = visitor.open(busy, clocked=True)
    expect(page.locator("#report")).to_be_visible()
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        with page.expect_response("**/cache-stats*") as response:
            page.clock.fast_forward(5_000)
        assert response.value.status == 503
        expect(page.get_by_role("alert").get_by_text("Redis is unavailable")).to_be_visible()
        expect(page.locator("[data-state=cache]")).to_have_text("Cache unavailable")
        expect(page.get_by_text("Last update:")).to_be_visible()
        sent = len(visitor.requests)
        page.clock.fast_forward(5_500)
        page.wait_for_timeout(100)
        assert len(visitor.requests) == sent, "the second retry comes after ten seconds, not five"
        assert accessibility_violations(page) == []
        save_screenshot(page, "away")
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    for _ in range(20):  # the server's circuit breaker is open for a moment
        page.clock.fast_forward(60_000)
        page.wait_for_timeout(200)
        if page.get_by_role("alert").is_hidden():
            break
    expect(page.get_by_role("status")).to_have_text("Statistics are available again.")


def test_dashboard_opened_during_an_outage_shows_a_notice(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    valkey.stop()
    page = visitor.open(local)
    expect(page.get_by_role("alert").get_by_text("Redis is unavailable")).to_be_visible()
    expect(page.get_by_role("heading", name="No requests")).to_be_hidden()
    save_screenshot(page, "never")


def test_open_circuit_breaker_is_shown(visitor: Visitor, valkey: ValkeyProcess, busy: str) -> None:
    chat = CircuitBreakers.from_settings(Settings()).chat
    milliseconds = 1_000 * (HALF_OPEN_SECONDS + 15)
    send_command(valkey.port, f"SET {breaker_keys(chat.id).state} 1 PX {milliseconds}")
    page = visitor.open(busy)
    expect(page.locator("[data-state=model]")).to_have_text("Model failing")
    expect(page.locator("[data-state=breaker]")).to_have_text("Circuit breaker open")
    save_screenshot(page, "breaker")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dashboard_fits_a_phone(visitor: Visitor, busy: str, scheme: str) -> None:
    page = visitor.open(busy, size=PHONE, color_scheme=scheme)
    expect(page.locator("#report")).to_be_visible()
    for days in ("Today", "30 days"):
        page.get_by_role("radio", name=days).check()
        page.get_by_text("Show as table").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.get_by_text("Show as table").first.click()
    page.get_by_text("Show as table").first.click()
    save_screenshot(page, f"phone-{scheme}")
    refresh(page)


def test_dashboard_has_a_dark_scheme(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy, color_scheme="dark")
    page.get_by_role("radio", name="30 days").check()
    expect(page.locator("[data-chart=rates] .column")).to_have_count(30)
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert max(red, green, blue) < 40
    save_screenshot(page, "dark")
