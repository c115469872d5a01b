"""The playground in a browser: ask, read the steps, edit notes, see what is invalidated."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import PHONE, Visitor, accessibility_violations, save_screenshot
from tests.support.command import start_tercet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]

FAITH, GARDEN = "What is faith?", "When is the pear tree pruned?"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `tercet serve` with a few notes."""
    data = tmp_path_factory.mktemp("data")
    notes = tmp_path_factory.mktemp("notes")
    (notes / "faith.md").write_text("# Faith\n\nFaith is the substance of things hoped for.\n")
    (notes / "garden.md").write_text("# Garden\n\nThe pear tree is pruned in February.\n")
    # Enough notes that a search finds k chunks without the garden note.
    for virtue in ("Hope", "Love", "Prayer", "Patience", "Humility"):
        (notes / f"{virtue}.md").write_text(f"# {virtue}\n\n{virtue} is a gift to believers.\n")
    importing = start_tercet("notes", "import", notes, "--data", data)
    assert importing.wait(60) == 0
    process = start_tercet("serve", "--port", "0", "--data", data)
    assert process.stdout
    yield process.stdout.readline().split()[3]
    process.terminate()
    process.wait(30)


@pytest.fixture
def page(visitor: Visitor, served: str) -> Page:
    return visitor.open(served, path="/playground")


def ask(page: Page, question: str, *, heading: str | None = None) -> None:
    page.get_by_label("Ask your notes").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer-title")).to_have_text(heading or question)
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()


def write_note(page: Page, title: str, text: str) -> None:
    page.get_by_role("button", name="New note").click()
    page.get_by_label("Title").fill(title)
    save_note(page, text)


def edit_note(page: Page, note: str, text: str) -> None:
    page.locator("#notes").get_by_role("button", name=note).click()
    save_note(page, text)


def save_note(page: Page, text: str) -> None:
    """Save the open note and wait until the change has been applied."""
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#outcome")).to_contain_text("Applied in")
    expect(page.locator("#outcome")).not_to_contain_text("all answers were dropped")


def test_answer_is_shown_with_passages_and_steps(page: Page) -> None:
    ask(page, FAITH)
    expect(page.locator("#text")).to_contain_text("the substance of things hoped for. [1]")
    expect(page.locator("#sources")).to_contain_text("Faith is the substance of things hoped for.")
    expect(page.locator("#sources li").first).to_contain_text("cited")
    expect(page.locator("#steps")).to_contain_text("lookup")
    ask(page, FAITH.upper())
    expect(page.locator("#badges")).to_contain_text("exact hit")
    expect(page.locator("#steps li")).to_have_count(1)
    save_screenshot(page, "playground")


def test_similar_question_that_does_not_match_is_shown_with_the_reason(
    page: Page,
) -> None:
    ask(page, "Why should I forgive others?")
    ask(page, "Why should I not forgive others?")
    similar = page.locator("#similar li").first
    expect(similar).to_contain_text("Why should I forgive others")
    expect(similar).to_contain_text("no match")
    expect(similar).to_contain_text("negation")
    expect(page.locator("#summary")).to_contain_text("similar question did not match: negation")


@pytest.mark.parametrize(
    ("rejection", "text"),
    [
        ("verifier", "the language model found different questions"),
        ("sources: the questions retrieve different passages", "different passages"),
    ],
)
def test_summary_names_what_rejected_a_similar_question(
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
    expect(page.locator("#summary")).to_contain_text(text)
    page.unroute("**/playground/ask")


def test_edit_drops_affected_answers_and_retains_the_others(page: Page) -> None:
    ask(page, FAITH)
    ask(page, GARDEN)
    edit_note(page, "Garden", "# Garden\n\nThe pear tree is pruned in March.")
    expect(page.locator(".dropped")).to_contain_text(["pear tree"])
    expect(page.locator(".retained").filter(has_text="What is faith?")).to_be_visible()
    expect(page.locator(".retained").filter(has_text="pear tree")).to_have_count(0)
    ask(page, GARDEN)
    expect(page.locator("#text")).to_contain_text("in March")
    edit_note(page, "Garden", "# Garden\n\nThe pear tree is pruned in May.")
    expect(page.locator(".dropped").filter(has_text="pear tree")).to_be_visible()
    save_screenshot(page, "playground-edited")


def test_note_can_be_created_and_deleted(page: Page) -> None:
    write_note(page, "Grace & peace", "Grace is not a wage.")
    expect(page.locator("#notes")).to_contain_text("Grace & peace")
    ask(page, "What is grace?")
    expect(page.locator("#text")).to_contain_text("not a wage")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#notes")).not_to_contain_text("Grace & peace")
    expect(page.locator(".dropped").filter(has_text="What is grace?")).to_be_visible()


def test_second_note_with_the_same_title_gets_its_own_id(page: Page) -> None:
    for text in ("The first of them.", "The second of them."):
        write_note(page, "Twins", text)
    twins = page.locator("#notes").get_by_role("button", name="Twins")
    expect(twins).to_have_count(2)
    texts = []
    for number in range(2):
        twins.nth(number).click()
        expect(twins.nth(number)).to_have_attribute("aria-current", "true")
        texts.append(page.get_by_label("Text").input_value())
    assert sorted(texts) == ["The first of them.", "The second of them."]
    for _ in texts:
        twins.first.click()
        page.get_by_role("button", name="Delete").click()
        expect(page.locator("#edit")).to_be_hidden()
    expect(twins).to_have_count(0)


def test_long_note_can_be_created_and_edited(page: Page) -> None:
    long = "The vine is green. " * 5_000
    write_note(page, "A long one", long)
    edit_note(page, "A long one", f"{long} And so on.")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#edit")).to_be_hidden()


def test_another_user_sees_no_notes_and_no_cached_answers(page: Page) -> None:
    page.get_by_label("User").fill("zoë")
    page.get_by_label("User").press("Tab")
    expect(page.locator("#notes")).to_contain_text("No notes yet")
    expect(page.locator("#cached")).to_contain_text("No cached answers yet")


def test_invalid_question_shows_the_error(page: Page) -> None:
    page.get_by_label("Ask your notes").fill("?!")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The question was not answered")


def test_note_text_is_not_interpreted_as_markup(page: Page) -> None:
    text = "The <b>vine</b> is the word of this note, says the preacher."
    write_note(page, "<img src=x onerror=alert(1)>", text)
    ask(page, "What is the vine?")
    expect(page.locator("#text")).to_contain_text("The vine is the word")
    expect(page.locator("#sources")).to_contain_text("<b>vine</b>")
    assert page.locator("main img, main b").count() == 0
    page.get_by_role("button", name="Delete").click()


def test_sample_notes_can_be_imported(page: Page) -> None:
    page.get_by_label("User").fill("newcomer")
    page.get_by_label("User").press("Tab")
    page.get_by_role("button", name="company handbook").click()
    note = page.locator("#notes").get_by_role("button", name="Vacation policy")
    expect(note).to_be_visible(timeout=60_000)
    expect(page.locator("#samples")).to_be_hidden()
    ask(page, "How do I restore the database?")
    expect(page.locator("#text")).to_contain_text("create a new instance from the latest snapshot")
    save_screenshot(page, "playground-samples")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(visitor: Visitor, served: str, scheme: str) -> None:
    page = visitor.open(served, path="/playground", color_scheme=scheme)
    ask(page, FAITH)
    page.locator("#notes").get_by_role("button", name="Faith").click()
    assert accessibility_violations(page) == []


def test_phone_layout_needs_no_horizontal_scrolling(visitor: Visitor, served: str) -> None:
    page = visitor.open(served, path="/playground", size=PHONE)
    ask(page, FAITH)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    save_screenshot(page, "playground-phone")
