"""The dashboard's periods: tiles with changes, dates in the URL, hours of today, export as CSV."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from infra.local.valkey import ValkeyProcess
from shared.cache.counters import hour_name
from tests.support.browser import TABLET, Visitor, percent, rounded, save_screenshot
from tests.support.dashboard_page import count_today, refresh

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


# Elements whose content is wider than they are, except tables that can be scrolled, and columns of
# charts, whose labels may be wider.
OVERFLOWING = """
[...document.querySelectorAll("body, body *:not(.unseen):not(.skip)")]
  .filter((each) => !each.closest("svg, .scroll, .column"))
  .filter((each) => getComputedStyle(each).display !== "inline")
  .filter((each) => each.scrollWidth > each.clientWidth + 1)
  .map((each) => each.outerHTML.slice(0, 80))
"""


def days_ago(number: int) -> str:
    return (datetime.now(UTC).date() - timedelta(number)).isoformat()


def stats(url: str, query: str) -> dict[str, Any]:
    response = httpx.get(
        f"{url}/assistant/cache-stats?{query}", headers={"X-Tercet-User": "operator"}
    )
    body: dict[str, Any] = response.raise_for_status().json()
    return body


def change(page: Page, tile: str) -> str:
    return page.locator(f"[data-tile={tile}] .change").inner_text()


def test_tiles_show_the_change_since_the_period_before(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    expect(page.locator("#report")).to_be_visible()
    now = stats(busy, "days=7")["window"]
    before = stats(busy, f"from={days_ago(13)}&to={days_ago(7)}")["window"]
    points = round(100 * (now["answer_hit_rate"] - before["answer_hit_rate"]), 1)
    sign = "▲" if points > 0 else "▼"
    size = f"{sign} {abs(points)}" if points else "±0"
    assert change(page, "rate") == f"{size} points · before {percent(before['answer_hit_rate'])}"
    assert change(page, "cost").endswith(f"% · before ${rounded(before['cost_saved'], 2)}")
    failed = before["latency_ms"]["failed"]["count"]
    assert change(page, "errors").endswith(f"before {failed}")
    expect(page.locator(".spark path:visible")).to_have_count(4)
    page.get_by_role("radio", name="Today").check()
    yesterday = stats(busy, "days=2")["days"][0]
    expect(page.locator("[data-tile=cost] .change")).to_have_text(
        f"yesterday ${yesterday['cost_saved']:.2f}"
    )
    page.goto(f"{busy}/assistant/dashboard?from={days_ago(60)}&to={days_ago(1)}")
    expect(page.locator("[data-tile=cost] .change")).to_have_text("No earlier data")


def test_period_is_in_the_url_and_its_days_can_be_exported(
    visitor: Visitor, busy: str, tmp_path: Path
) -> None:
    page = visitor.open(busy)
    page.get_by_role("radio", name="30 days").check()
    expect(page.locator("[data-chart=cost] .column")).to_have_count(30)
    page.reload()
    expect(page.locator("[data-chart=cost] .column")).to_have_count(30)
    page.get_by_role("radio", name="Dates").check()
    page.get_by_label("To", exact=True).fill(days_ago(3))
    page.get_by_label("From", exact=True).fill(days_ago(7))
    expect(page.locator("[data-chart=cost] .column")).to_have_count(5)
    assert page.url.endswith(f"?from={days_ago(7)}&to={days_ago(3)}")
    page.reload()
    expect(page.locator("[data-chart=cost] .column")).to_have_count(5)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as CSV").click()
    assert download.value.suggested_filename == f"tercet-{days_ago(7)}-{days_ago(3)}.csv"
    path = tmp_path / "days.csv"
    download.value.save_as(path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    days = stats(busy, f"from={days_ago(7)}&to={days_ago(3)}")["days"]
    assert [row["date"] for row in rows] == [day["date"] for day in days]
    assert [int(row["requests"]) for row in rows] == [day["total_requests"] for day in days]
    assert [float(row["cost_saved_usd"]) for row in rows] == [day["cost_saved"] for day in days]
    assert [int(row["semantic"]) for row in rows] == [day["outcomes"]["semantic"] for day in days]
    page.get_by_label("From", exact=True).fill("")
    expect(page.locator("[data-chart=cost] .column")).to_have_count(5)


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        (3, 9, "The first day is after the last day."),
        (200, 190, "Statistics are stored from FIRST to LAST."),
        (3, -9, "Statistics are stored from FIRST to LAST."),
    ],
)
def test_dates_without_statistics_are_explained(
    visitor: Visitor, busy: str, first: int, last: int, problem: str
) -> None:
    path = f"/assistant/dashboard?from={days_ago(first)}&to={days_ago(last)}"
    page = visitor.open(busy, path=path)
    message = problem.replace("FIRST", days_ago(89)).replace("LAST", days_ago(0))
    expect(page.locator("#problem")).to_have_text(message)
    page.get_by_label("From", exact=True).fill(days_ago(7))
    page.get_by_label("To", exact=True).fill(days_ago(3))
    expect(page.locator("#problem")).to_be_empty()
    expect(page.locator("[data-chart=cost] .column")).to_have_count(5)
    page.get_by_label("To", exact=True).fill("")
    expect(page.locator("#problem")).to_have_text("Enter both dates.")
    page.get_by_role("radio", name="7 days").check()
    expect(page.locator("#problem")).to_be_empty()


@pytest.mark.parametrize("days", ["__proto__", "toString", "99", "x"])
def test_unknown_period_of_the_url_is_ignored(visitor: Visitor, busy: str, days: str) -> None:
    page = visitor.open(busy, path=f"/assistant/dashboard?days={days}")
    expect(page.locator("[data-chart=cost] .column")).to_have_count(7)


def test_today_is_shown_by_hour(visitor: Visitor, valkey: ValkeyProcess, local: str) -> None:
    hits = {hour_name(3, reused=True): 5, hour_name(4, reused=False): 2}
    count_today(valkey, l1_hits=5, l1_misses=2, outcome_none=2, **hits)
    page = visitor.open(local, path="/assistant/dashboard?days=1")
    hours = page.locator("[data-chart=hours] .column")
    expect(hours).to_have_count(24)
    expect(hours.nth(3)).to_have_attribute(
        "title", "3:00\nNo answer generated: 5\nAnswer generated, or failed: 0"
    )
    expect(hours.nth(4)).to_have_attribute(
        "title", "4:00\nNo answer generated: 0\nAnswer generated, or failed: 2"
    )
    page.get_by_role("radio", name="7 days").check()
    expect(page.locator("#hours")).to_be_hidden()


def test_free_model_shows_the_time_saved_and_the_cost_of_common_models(
    visitor: Visitor, valkey: ValkeyProcess, local: str
) -> None:
    times = {"exact_ms_5": 100, "exact_us": 400_000, "none_ms_2000": 10, "none_us": 15_000_000}
    count_today(valkey, l1_hits=100, l1_misses=10, outcome_none=10, **times)
    page = visitor.open(local)
    expect(page.get_by_role("heading", name="Time saved")).to_be_visible()
    expect(page.get_by_role("heading", name="Cost saved")).to_be_hidden()
    expect(page.locator("[data-tile=time] .value")).to_have_text("2.5 min")  # 100 of 1.496 s
    rows = page.locator("[data-table=models] tbody tr")
    expect(rows.filter(has_text="Claude Haiku 4.5")).to_contain_text("$0.26")  # 100 of $0.00258
    count_today(valkey, saved_nanodollars=10**9)
    refresh(page)
    expect(page.get_by_role("heading", name="Cost saved")).to_be_visible()
    expect(page.locator("#models")).to_be_hidden()


def test_nothing_overflows_on_a_tablet(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy, size=TABLET)
    page.get_by_role("radio", name="30 days").check()
    expect(page.locator("[data-chart=rates] .column")).to_have_count(30)
    for days in ("30 days", "Today"):
        page.get_by_role("radio", name=days).check()
        refresh(page)
        assert page.evaluate(OVERFLOWING) == []
    save_screenshot(page, "tablet")


def test_page_reconnects_when_the_server_is_down(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    expect(page.locator("#report")).to_be_visible()
    page.route("**/*", lambda route: route.abort())
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert")).to_contain_text("Tercet does not respond")
    expect(page.get_by_role("alert")).to_contain_text("Reconnecting")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="No requests")).to_be_hidden()
    page.unroute("**/*")
    refresh(page)
    expect(page.locator("#notice")).to_be_hidden()
