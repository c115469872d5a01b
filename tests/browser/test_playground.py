"""Questions on the playground: the answer, where it came from, and its sources."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from infra.local.demo_scenario import SCENARIOS
from infra.local.sample_notes import SampleSet
from tests.support.browser import Visitor, save_screenshot
from tests.support.playground_page import FAITH, ask

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


def test_answer_comes_before_its_result_and_its_cited_sources(page: Page) -> None:
    ask(page, FAITH)
    expect(page.locator("#text")).to_contain_text("the substance of things hoped for. [1]")
    expect(page.locator("#sources")).to_contain_text("Faith is the substance of things hoped for.")
    expect(page.locator("#sources button")).to_have_text("Faith")
    expect(page.locator("#others")).to_contain_text("gift to believers")
    expect(page.get_by_text("Steps and timing")).to_be_visible()
    expect(page.locator("#steps")).to_be_hidden()
    tops = [page.locator(name).bounding_box() for name in ("#text", "#band", "#sources", "#timing")]
    assert [top["y"] for top in tops if top] == sorted(top["y"] for top in tops if top)
    page.get_by_text("Steps and timing").click()
    expect(page.locator("#steps")).to_contain_text("lookup")
    ask(page, FAITH.upper())
    expect(page.locator("#band")).to_contain_text("Exact hit")
    expect(page.locator("#steps li")).to_have_count(1)
    page.locator("#sources button").click()
    expect(page.get_by_label("Text")).to_have_value(re.compile("substance of things"))
    save_screenshot(page, "playground")


def test_hit_shows_how_much_faster_it_was_and_what_it_saved(page: Page) -> None:
    seconds = iter((900.0, 15.0))

    def change_result(route: Route) -> None:
        response = route.fetch(headers=route.request.headers | {"accept": "application/json"})
        route.fulfill(json=response.json() | {"duration_ms": next(seconds), "cost": 0.00026})

    page.route("**/playground/ask", change_result)
    ask(page, "What is humility?")
    expect(page.locator("#band")).to_have_text("New answer900 mscost $0.00026")
    ask(page, "what is HUMILITY")
    expect(page.locator("#band")).to_have_text(
        "Exact hit15 ms60 times faster than the first answersaved $0.00026"
    )
    page.unroute("**/playground/ask")


def test_similar_question_that_does_not_match_is_shown_with_the_reason(
    page: Page,
) -> None:
    ask(page, "Why should I forgive others?")
    ask(page, "Why should I not forgive others?")
    similar = page.locator("#similar li").first
    expect(similar).to_contain_text("Why should I forgive others")
    expect(similar).to_contain_text("no match")
    expect(similar).to_contain_text("negation")
    expect(page.locator("#remarks")).to_contain_text("similar question was not used: negation")


@pytest.mark.parametrize(
    ("rejection", "text"),
    [
        ("verifier", "the language model found different questions"),
        ("sources: the questions retrieve different passages", "different passages"),
    ],
)
def test_remark_names_what_rejected_a_similar_question(
    page: Page, rejection: str, text: str
) -> None:
    def add_rejection(route: Route) -> None:
        # Without streaming: the page shows the JSON of a server that does not stream.
        response = route.fetch(headers=route.request.headers | {"accept": "application/json"})
        body = response.json()
        body["reply"]["metadata"]["match_rejection"] = rejection
        route.fulfill(response=response, json=body)

    page.route("**/playground/ask", add_rejection)
    ask(page, FAITH)
    expect(page.locator("#remarks")).to_contain_text(text)
    page.unroute("**/playground/ask")


def test_invalid_question_shows_the_error(page: Page) -> None:
    page.get_by_label("Ask your notes").fill("?!")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The question was not answered")


def test_first_visit_offers_sample_notes_and_questions_to_click(
    visitor: Visitor, playground: str
) -> None:
    page = visitor.open(playground, path="/playground?user=newcomer")
    page.get_by_role("button", name="company handbook").click()
    note = page.locator("#notes").get_by_role("button", name="Vacation policy")
    expect(note).to_be_visible(timeout=60_000)
    expect(page.locator("#samples")).to_be_hidden()
    scenario = SCENARIOS[SampleSet.HANDBOOK]
    questions = page.locator("#examples li:visible")
    expect(questions).to_have_text([scenario.question, scenario.wording, scenario.other_question])
    questions.nth(0).get_by_role("button").click()
    expect(page.locator("#text")).to_contain_text("create a new instance from the latest snapshot")
    expect(page.locator("#band")).to_contain_text("New answer")
    questions.nth(1).get_by_role("button").click()
    expect(page.locator("#band")).to_contain_text("Semantic hit")
    save_screenshot(page, "playground-samples")
    page.locator("#band").get_by_role("button", name=scenario.question).click()
    expect(page.locator("#band")).to_contain_text("Exact hit")
