"""Who may see the figures, and where the token of whoever may does not go."""

import json
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page, Route, expect

from infra.local.valkey import ValkeyProcess
from tests.support.browser import Visitor, picture
from tests.support.tokens import token

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]

ENTRY = "Who is asking?"


def enter(page: Page, given: str) -> None:
    page.get_by_label("Bearer token").fill(given)
    page.get_by_role("button", name="Show the figures").click()


def asked(visitor: Visitor) -> list[str]:
    return [request.url for request in visitor.requests if "cache-stats" in request.url]


def test_without_a_token_it_asks_for_one_and_reads_nothing(visitor: Visitor, guarded: str) -> None:
    page = visitor.open(guarded)
    expect(page.get_by_role("heading", name=ENTRY)).to_be_visible()
    expect(page.locator("[data-state=cache]")).to_have_text("Cache connected")
    page.get_by_role("button", name="Show the figures").click()  # the field is required
    assert asked(visitor) == []
    picture(page, "token")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("not.a.token", "This token was refused"),
        ("naïve", "This is no token"),
        ("жетон", "This is no token"),
        ("two words", "This is no token"),
        (token(scope="notes:write"), "may not read statistics (the token must have the scope"),
    ],
    ids=["no token", "not in ASCII", "beyond Latin-1", "two words", "without the scope"],
)
def test_a_token_that_does_not_do_is_refused_with_the_reason(
    visitor: Visitor, guarded: str, given: str, said: str
) -> None:
    page = visitor.open(guarded)
    enter(page, given)
    expect(page.get_by_role("alert").get_by_text(said)).to_be_visible()
    expect(page.get_by_label("Bearer token")).to_be_focused()
    expect(page.locator("#report")).to_be_hidden()
    assert len(asked(visitor)) == (0 if "no token" in said else 1)
    if said.startswith("may"):
        picture(page, "refused")


def test_a_token_is_in_the_memory_of_the_page_and_nowhere_else(
    visitor: Visitor, guarded: str
) -> None:
    secret = token(scope="stats:read")
    page = visitor.open(guarded)
    enter(page, secret)
    expect(page.get_by_role("heading", name="Money saved")).to_be_visible()
    carriers = [request for request in visitor.requests if secret in str(request.all_headers())]
    assert [request.url for request in carriers] == asked(visitor) != []
    assert not [request for request in visitor.requests if secret in request.url]
    kept = page.evaluate(
        "JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.cookie,"
        " history.state, document.documentElement.outerHTML])"
    )
    assert json.loads(kept)[1:5] == [{}, {}, "", None]
    assert secret not in kept
    assert page.get_by_label("Bearer token").input_value() == ""
    assert page.context.storage_state() == {"cookies": [], "origins": []}
    page.reload()
    expect(page.get_by_role("heading", name=ENTRY)).to_be_visible()


def test_a_token_can_be_forgotten(visitor: Visitor, guarded: str) -> None:
    page = visitor.open(guarded)
    enter(page, token(scope="stats:read"))
    page.get_by_role("button", name="Forget the token").click()
    expect(page.get_by_label("Bearer token")).to_be_focused()
    expect(page.locator("#report")).to_be_hidden()
    before = len(asked(visitor))
    page.get_by_role("radio", name="30 days").check()
    page.wait_for_timeout(200)
    assert len(asked(visitor)) == before


def test_what_was_under_way_with_a_token_is_not_shown_once_it_is_forgotten(
    visitor: Visitor, guarded: str
) -> None:
    page = visitor.open(guarded)
    enter(page, token(scope="stats:read"))
    expect(page.locator("#report")).to_be_visible()
    held: list[Route] = []
    page.route("**/cache-stats*", lambda route: held.append(route))  # noqa: PLW0108  # as `Visitor.open`
    with page.expect_request("**/cache-stats*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("button", name="Forget the token").click()
    for route in held:
        with suppress(Error):  # the page has given it up
            route.continue_()
    page.wait_for_timeout(500)
    expect(page.locator("#report")).to_be_hidden()
    expect(page.get_by_label("Bearer token")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("The token is forgotten.")
    expect(page.locator("[data-state=cache]")).to_have_text("Cache connected")


def test_forgetting_the_token_while_the_cache_is_away_does_not_say_that_it_is_back(
    visitor: Visitor, guarded: str, valkey: ValkeyProcess
) -> None:
    page = visitor.open(guarded)
    enter(page, token(scope="stats:read"))
    expect(page.locator("#report")).to_be_visible()
    valkey.stop()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("alert").get_by_text("The cache is away")).to_be_visible()
    page.get_by_role("button", name="Forget the token").click()
    expect(page.get_by_role("status")).to_have_text("The token is forgotten.")
    expect(page.locator("#notice")).to_be_hidden()


def test_nothing_is_loaded_from_elsewhere_and_no_text_becomes_markup(
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
