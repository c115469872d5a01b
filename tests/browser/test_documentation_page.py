"""The page `/docs`, which shows the OpenAPI document."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.browser import PHONE, Visitor, accessibility_violations, save_screenshot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_shows_every_operation_and_calls_no_other_host(
    visitor: Visitor, playground: str, scheme: str
) -> None:
    """`visitor` fails the test if the console has errors or another host gets a request."""
    document = httpx.get(f"{playground}/openapi.json").json()
    described = [each for methods in document["paths"].values() for each in methods.values()]
    page = visitor.open(playground, path="/docs", color_scheme=scheme)
    operations = page.locator("details.operation")
    expect(operations).to_have_count(len(described))
    for each in described:
        expect(page.locator(f"details#{each['operationId']}")).to_contain_text(each["summary"])
    expect(page.get_by_role("alert")).to_be_hidden()
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    ask = page.locator("details#askQuestion")
    expect(ask).to_contain_text("Request: application/json")
    expect(ask).to_contain_text("standalone_question")
    assert accessibility_violations(page) == []
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    save_screenshot(page, f"docs-{scheme}")


def test_link_to_an_operation_opens_it(visitor: Visitor, playground: str) -> None:
    page = visitor.open(playground, path="/docs#getStatistics")
    expect(page.locator("details#getStatistics")).to_have_attribute("open", "")
    expect(page.locator("details[open]")).to_have_count(1)
