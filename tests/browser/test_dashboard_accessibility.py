"""The dashboard with the keyboard, with a screen reader, and checked by axe-core."""

import re

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from infra.local.valkey import ValkeyProcess
from tests.support.browser import DESKTOP, PHONE, Visitor, accessibility_violations

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent || document.activeElement.value"))


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE)]
)
def test_axe_finds_no_serious_violation(
    visitor: Visitor, busy: str, scheme: str, size: ViewportSize
) -> None:
    page = visitor.open(busy, size=size, color_scheme=scheme)
    page.get_by_role("radio", name="Today").check()
    expect(page.locator("[data-chart=cost] .past")).to_have_count(6)
    for details in page.get_by_text("Show as table").all():
        details.click()
    assert accessibility_violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation_without_statistics(
    visitor: Visitor, valkey: ValkeyProcess, local: str, guarded: str, scheme: str
) -> None:
    entry = visitor.open(guarded, color_scheme=scheme)
    expect(entry.get_by_label("Bearer token")).to_be_visible()
    entry.get_by_label("Bearer token").fill("none")
    entry.get_by_label("Bearer token").press("Enter")
    expect(entry.get_by_text("This token was refused")).to_be_visible()
    assert accessibility_violations(entry) == []
    visitor.requests.clear()  # the visitor expects one server
    valkey.stop()
    unavailable = visitor.open(local, color_scheme=scheme)
    expect(unavailable.get_by_text("Redis is unavailable")).to_be_visible()
    assert accessibility_violations(unavailable) == []
    entry.close()
    visitor.requests[:] = [each for each in visitor.requests if each.url.startswith(local)]


def test_dashboard_works_with_the_keyboard(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    expect(page.locator("#report")).to_be_visible()
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the statistics"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="30 days")).to_be_checked()
    expect(page.get_by_role("status")).to_have_text("Statistics in the last 30 days.")
    expect(page.locator("[data-chart=rates] .column")).to_have_count(30)
    ring = "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"
    assert page.evaluate(ring) == "solid"
    page.keyboard.press("Tab")
    assert focused(page) == "Export as CSV"
    page.keyboard.press("Tab")
    assert focused(page) == "Show as table"
    expect(page.get_by_role("table").first).not_to_contain_text("Day")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Answer cached")).to_be_visible()


def test_dashboard_has_roles_and_names_for_screen_readers(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    expect(page.locator("#report")).to_be_visible()
    for role, name in (
        ("banner", None),
        ("main", None),
        ("contentinfo", None),
        ("heading", "Answer hit rate"),
        ("group", "Period"),
        ("region", "Note changes"),
        ("img", "7 days: answer hit rate"),
        ("img", re.compile("7 days: [0-9]+ requests on")),
        ("meter", "Memory"),
    ):
        found = page.get_by_role(role, name=name)  # type: ignore[arg-type]  # one of its literals
        expect(found.first).to_be_visible()
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["Tercet Cache statistics"]


def test_refresh_updates_a_table_in_place(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    page.get_by_text("Show as table").first.click()
    cell = page.locator("[data-table=rates] td").first.element_handle()
    with page.expect_response("**/cache-stats*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("radio", name="Today").check()
    assert cell.evaluate("cell => cell.isConnected")
