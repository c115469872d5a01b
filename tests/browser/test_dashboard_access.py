"""The dashboard's token: who may read statistics, and that the token stays in memory."""

import json
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page, Route, expect

from infra.local.valkey import ValkeyProcess
from tests.support.browser import Visitor, save_screenshot
from tests.support.tokens import token

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]

ENTRY = "Access token"


def enter(page: Page, value: str) -> None:
    page.get_by_label("Bearer token").fill(value)
    page.get_by_role("button", name="Show statistics").click()


def stats_requests(visitor: Visitor) -> list[str]:
    return [request.url for request in visitor.requests if "cache-stats" in request.url]


def test_dashboard_asks_for_a_token_before_it_requests_statistics(
    visitor: Visitor, guarded: str
) -> None:
    page = visitor.open(guarded)
    expect(page.get_by_role("heading", name=ENTRY)).to_be_visible()
    expect(page.locator("[data-state=cache]")).to_have_text("Cache connected")
    page.get_by_role("button", name="Show statistics").click()  # the field is required
    assert stats_requests(visitor) == []
    save_screenshot(page, "token")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("not.a.token", "This token was refused"),
        ("naïve", "Invalid token"),
        ("жетон", "Invalid token"),
        ("two words", "Invalid token"),
        (token(scope="notes:write"), "may not read statistics (the token must have the scope"),
    ],
    ids=["not a JWT", "not ASCII", "not Latin-1", "two words", "without the scope"],
)
def test_dashboard_shows_why_a_token_is_refused(
    visitor: Visitor, guarded: str, value: str, message: str
) -> None:
    page = visitor.open(guarded)
    enter(page, value)
    expect(page.get_by_role("alert").get_by_text(message)).to_be_visible()
    expect(page.get_by_label("Bearer token")).to_be_focused()
    expect(page.locator("#report")).to_be_hidden()
    assert len(stats_requests(visitor)) == (0 if message == "Invalid token" else 1)
    if message.startswith("may"):
        save_screenshot(page, "refused")


def test_dashboard_stores_the_token_in_memory_only(visitor: Visitor, guarded: str) -> None:
    secret = token(scope="stats:read")
    page = visitor.open(guarded)
    enter(page, secret)
    expect(page.get_by_role("heading", name="Cost saved")).to_be_visible()
    carriers = [request for request in visitor.requests if secret in str(request.all_headers())]
    assert [request.url for request in carriers] == stats_requests(visitor) != []
    assert not [request for request in visitor.requests if secret in request.url]
    state = page.evaluate(
        "JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.cookie,"
        " history.state, document.documentElement.outerHTML])"
    )
    assert json.loads(state)[1:5] == [{}, {}, "", None]
    assert secret not in state
    assert page.get_by_label("Bearer token").input_value() == ""
    assert page.context.storage_state() == {"cookies": [], "origins": []}
    page.reload()
    expect(page.get_by_role("heading", name=ENTRY)).to_be_visible()


def test_dashboard_token_can_be_removed(visitor: Visitor, guarded: str) -> None:
    page = visitor.open(guarded)
    enter(page, token(scope="stats:read"))
    page.get_by_role("button", name="Remove token").click()
    expect(page.get_by_label("Bearer token")).to_be_focused()
    expect(page.locator("#report")).to_be_hidden()
    before = len(stats_requests(visitor))
    page.get_by_role("radio", name="30 days").check()
    page.wait_for_timeout(200)
    assert len(stats_requests(visitor)) == before


def test_dashboard_discards_a_pending_response_when_the_token_is_removed(
    visitor: Visitor, guarded: str
) -> None:
    page = visitor.open(guarded)
    enter(page, token(scope="stats:read"))
    expect(page.locator("#report")).to_be_visible()
    held: list[Route] = []
    page.route("**/cache-stats*", lambda route: held.append(route))  # noqa: PLW0108  # as `Visitor.open`
    with page.expect_request("**/cache-stats*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("button", name="Remove token").click()
    for route in held:
        with suppress(Error):  # the page has aborted the request
            route.continue_()
    page.wait_for_timeout(500)
    expect(page.locator("#report")).to_be_hidden()
    expect(page.get_by_label("Bearer token")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("The token was removed.")
    expect(page.locator("[data-state=cache]")).to_have_text("Cache connected")


def test_removing_the_token_during_an_outage_announces_no_recovery(
    visitor: Visitor, guarded: str, valkey: ValkeyProcess
) -> None:
    page = visitor.open(guarded)
    enter(page, token(scope="stats:read"))
    expect(page.locator("#report")).to_be_visible()
    valkey.stop()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert").get_by_text("Redis is unavailable")).to_be_visible()
    page.get_by_role("button", name="Remove token").click()
    expect(page.get_by_role("status")).to_have_text("The token was removed.")
    expect(page.locator("#notice")).to_be_hidden()


def test_dashboard_policy_blocks_other_hosts_and_html_from_text(
    visitor: Visitor, guarded: str
) -> None:
    page = visitor.open(guarded)
    for attempt, obstacle in (
        ("fetch('https://example.org/')", "Failed to fetch"),
        ("document.body.innerHTML = '<b>markup</b>'", "requires 'TrustedHTML'"),
        ("document.createElement('script').src = '/own.js'", "requires 'TrustedScriptURL'"),
    ):
        with pytest.raises(Error, match=obstacle):
            page.evaluate(attempt)
    assert "violates the following Content Security Policy directive" in visitor.errors[0]
    visitor.errors.clear()
    visitor.requests[:] = [each for each in visitor.requests if "example.org" not in each.url]
