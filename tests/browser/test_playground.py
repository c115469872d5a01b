"""The playground in a browser: ask, see the way, edit a note, see what goes and what stays."""

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

FAITH, GARDEN = "What is faith?", "When does the pear tree want pruning?"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `tercet serve` with a few notes."""
    data = tmp_path_factory.mktemp("data")
    notes = tmp_path_factory.mktemp("notes")
    (notes / "faith.md").write_text("# Faith\n\nFaith is the substance of things hoped for.\n")
    (notes / "garden.md").write_text("# Garden\n\nThe pear tree wants pruning in February.\n")
    # So that a search has all that it may find, without the garden.
    for virtue in ("Hope", "Love", "Prayer", "LagTolerantTimeout", "Humility"):
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


def write(page: Page, title: str, text: str) -> None:
    page.get_by_role("button", name="New note").click()
    page.get_by_label("Title").fill(title)
    save(page, text)


def edit(page: Page, note: str, text: str) -> None:
    page.locator("#notes").get_by_role("button", name=note).click()
    save(page, text)


def save(page: Page, text: str) -> None:
    """Save the note that is being edited; what is asked from here on is asked after the change."""
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#outcome")).to_contain_text("Acknowledged after")


def test_an_answer_comes_with_its_passages_marked_and_the_way_it_took(page: Page) -> None:
    ask(page, FAITH)
    expect(page.locator("#text")).to_contain_text("the substance of things hoped for. [1]")
    expect(page.locator("#sources mark")).to_have_text(
        "Faith is the substance of things hoped for."
    )
    expect(page.locator("#steps")).to_contain_text("look up")
    ask(page, FAITH.upper())
    expect(page.locator("#badges")).to_contain_text("exact hit")
    expect(page.locator("#steps li")).to_have_count(1)
    save_screenshot(page, "playground")


def test_a_near_question_that_means_another_thing_is_shown_with_the_guards_reason(
    page: Page,
) -> None:
    ask(page, "Why should I forgive others?")
    ask(page, "Why should I not forgive others?")
    near = page.locator("#others li").first
    expect(near).to_contain_text("why should i forgive others")
    expect(near).to_contain_text("another question")
    expect(near).to_contain_text("negation")
    expect(page.locator("#told")).to_contain_text("near question was refused: negation")


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ("verifier", "a model takes the two for different questions"),
        ("sources: the questions retrieve different passages", "different passages"),
    ],
)
def test_whoever_refused_a_near_answer_it_is_said(page: Page, refused: str, said: str) -> None:
    def refusing(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        body["reply"]["metadata"]["match_refusal"] = refused
        route.fulfill(response=response, json=body)

    page.route("**/playground/ask", refusing)
    ask(page, FAITH)
    expect(page.locator("#told")).to_contain_text(said)
    page.unroute("**/playground/ask")


def test_editing_a_note_drops_its_answers_and_keeps_the_others(page: Page) -> None:
    ask(page, FAITH)
    ask(page, GARDEN)
    edit(page, "Garden", "# Garden\n\nThe pear tree wants pruning in March.")
    expect(page.locator(".dropped")).to_contain_text(["pear tree"])
    expect(page.locator(".kept").filter(has_text="what is faith")).to_be_visible()
    expect(page.locator(".kept").filter(has_text="pear tree")).to_have_count(0)
    ask(page, GARDEN)
    expect(page.locator("#text")).to_contain_text("in March")
    edit(page, "Garden", "# Garden\n\nThe pear tree wants pruning in May.")
    expect(page.locator(".dropped").filter(has_text="pear tree")).to_be_visible()
    save_screenshot(page, "playground-edited")


def test_a_note_can_be_written_and_deleted(page: Page) -> None:
    write(page, "Grace & peace", "Grace is not a wage.")
    expect(page.locator("#notes")).to_contain_text("Grace & peace")
    ask(page, "What is grace?")
    expect(page.locator("#text")).to_contain_text("not a wage")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#notes")).not_to_contain_text("Grace & peace")
    expect(page.locator(".dropped").filter(has_text="what is grace")).to_be_visible()


def test_a_second_note_of_the_same_title_takes_nothing_from_the_first(page: Page) -> None:
    for text in ("The first of them.", "The second of them."):
        write(page, "Twins", text)
    twins = page.locator("#notes").get_by_role("button", name="Twins")
    expect(twins).to_have_count(2)
    told = []
    for twin in twins.all():
        twin.click()
        told.append(page.get_by_label("Text").input_value())
    assert sorted(told) == ["The first of them.", "The second of them."]
    for _ in told:
        twins.first.click()
        page.get_by_role("button", name="Delete").click()
        expect(page.locator("#edit")).to_be_hidden()
    expect(twins).to_have_count(0)


def test_a_long_note_can_be_written_and_edited(page: Page) -> None:
    long = "The vine is green. " * 5_000
    write(page, "A long one", long)
    edit(page, "A long one", f"{long} And so on.")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#edit")).to_be_hidden()


def test_another_user_sees_nothing_of_it(page: Page) -> None:
    page.get_by_label("Asked by").fill("zoë")
    page.get_by_label("Asked by").press("Tab")
    expect(page.locator("#notes")).to_contain_text("No notes yet")
    expect(page.locator("#cached")).to_contain_text("Nothing is cached yet")


def test_what_was_wrong_with_a_question_is_said(page: Page) -> None:
    page.get_by_label("Ask your notes").fill("?!")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This was not answered")


def test_what_a_note_says_is_never_markup(page: Page) -> None:
    text = "The <b>vine</b> is the word of this note, says the preacher."
    write(page, "<img src=x onerror=alert(1)>", text)
    ask(page, "What is the vine?")
    expect(page.locator("#text")).to_contain_text("<b>vine</b>")
    assert page.locator("main img, main b").count() == 0
    page.get_by_role("button", name="Delete").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(visitor: Visitor, served: str, scheme: str) -> None:
    page = visitor.open(served, path="/playground", color_scheme=scheme)
    ask(page, FAITH)
    page.locator("#notes").get_by_role("button", name="Faith").click()
    assert accessibility_violations(page) == []


def test_a_phone_shows_it_without_scrolling_sideways(visitor: Visitor, served: str) -> None:
    page = visitor.open(served, path="/playground", size=PHONE)
    ask(page, FAITH)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    save_screenshot(page, "playground-phone")
