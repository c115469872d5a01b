"""The page without a mouse, without eyes, and as axe-core judges it."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from infra.local.valkey import ValkeyProcess
from tests.support.browser import DESKTOP, PHONE, Visitor, faults

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
def test_axe_finds_no_serious_fault(
    visitor: Visitor, busy: str, scheme: str, size: ViewportSize
) -> None:
    page = visitor.open(busy, size=size, color_scheme=scheme)
    page.get_by_role("radio", name="Today").check()
    expect(page.locator("[data-chart=money] g.past")).to_have_count(6)
    for details in page.get_by_text("As a table").all():
        details.click()
    assert faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_where_there_are_no_figures(
    visitor: Visitor, valkey: ValkeyProcess, local: str, guarded: str, scheme: str
) -> None:
    asking = visitor.open(guarded, color_scheme=scheme)
    expect(asking.get_by_label("Bearer token")).to_be_visible()
    asking.get_by_label("Bearer token").fill("none")
    asking.get_by_label("Bearer token").press("Enter")
    expect(asking.get_by_text("This token was refused")).to_be_visible()
    assert faults(asking) == []
    visitor.requests.clear()  # two servers, one after the other
    valkey.stop()
    away = visitor.open(local, color_scheme=scheme)
    expect(away.get_by_text("The cache is away")).to_be_visible()
    assert faults(away) == []
    asking.close()
    visitor.requests[:] = [each for each in visitor.requests if each.url.startswith(local)]


def test_everything_is_reached_with_the_keyboard(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    expect(page.locator("#report")).to_be_visible()
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the figures"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="30 days")).to_be_checked()
    expect(page.get_by_role("status")).to_have_text("Figures in the last 30 days.")
    expect(page.locator("[data-chart=share] .reading")).to_have_count(30)
    ring = "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"
    assert page.evaluate(ring) == "solid"
    page.keyboard.press("Tab")
    assert focused(page) == "As a table"
    expect(page.get_by_role("table").first).not_to_contain_text("Day")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Any tier")).to_be_visible()


def test_it_is_told_without_eyes(visitor: Visitor, busy: str) -> None:
    page = visitor.open(busy)
    expect(page.locator("#report")).to_be_visible()
    for role, name in (
        ("banner", None),
        ("main", None),
        ("contentinfo", None),
        ("heading", "Answers avoided"),
        ("group", "Time"),
        ("region", "Note changes"),
        ("img", "Line chart of 7 days"),
        ("img", "Columns of 7 days, by how questions were served"),
        ("meter", "Memory"),
    ):
        found = page.get_by_role(role, name=name)  # type: ignore[arg-type]  # one of its literals
        expect(found.first).to_be_visible()
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["Tercet What the cache saves"]


def test_a_table_that_is_being_read_stays_while_its_figures_change(
    visitor: Visitor, busy: str
) -> None:
    page = visitor.open(busy)
    page.get_by_text("As a table").first.click()
    cell = page.locator("[data-table=share] td").first.element_handle()
    with page.expect_response("**/cache-stats*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("radio", name="Today").check()
    assert cell.evaluate("cell => cell.isConnected")
