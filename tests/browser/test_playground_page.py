"""The playground while the server is down, on a phone, and checked by axe-core; Markdown."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import PHONE, Visitor, accessibility_violations, save_screenshot
from tests.support.playground_page import FAITH, ask, edit_note

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


def test_page_reconnects_and_keeps_its_content_when_the_server_is_down(page: Page) -> None:
    notes = page.locator("#notes")
    expect(notes).to_contain_text("Garden")
    notes.get_by_role("button", name="Hope").click()
    expect(page.get_by_label("Text")).to_have_value(re.compile("Hope"))
    page.route("**/*", lambda route: route.abort())
    page.get_by_label("Text").fill("A draft.")
    page.get_by_label("Ask your notes").fill(FAITH)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Reconnecting")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#outcome")).to_be_empty()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(notes).not_to_contain_text("No notes yet")
    expect(notes).to_contain_text("Garden")
    save_screenshot(page, "playground-offline")
    page.unroute("**/*")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.get_by_label("Ask your notes")).to_have_value(FAITH)
    expect(page.get_by_label("Text")).to_have_value("A draft.")


def test_page_opened_while_notes_cannot_be_read_does_not_claim_there_are_none(
    visitor: Visitor, playground: str
) -> None:
    page = visitor.open("about:blank", path="")
    page.route("**/v1/**", lambda route: route.abort())
    page.goto(f"{playground}/playground")
    expect(page.get_by_role("alert")).to_contain_text("Reconnecting")
    expect(page.locator("#notes")).to_have_text("Loading …")
    expect(page.locator("#samples")).to_be_hidden()
    page.unroute("**/v1/**")
    expect(page.locator("#notes")).to_contain_text("Garden")


MARKDOWN = """# Steps

Create **a new instance** of `db.main`, *then* wait [1].
A second line, 2 * 3 * 4 = 24, snake_case_name.
[the guide](https://example.org/a), [x](javascript:alert(1)).

1. Restore
   - the data
   - the log
2. Check

> Quoted

| Step | Time |
|---|---|
| one | 5 |

```
<b>not markup</b> **nor this**
```
<img src=x onerror=alert(1)>"""


def test_markdown_of_an_answer_is_rendered_without_html(page: Page) -> None:
    page.evaluate("text => showText(text, (n) => n === 1)", MARKDOWN)
    page.evaluate("find('#answer').hidden = false")
    text = page.locator("#text")
    assert page.evaluate("[...find('#text').children].map((each) => each.localName)") == (
        ["h3", "p", "ol", "blockquote", "table", "pre", "p"]
    )
    expect(text.locator("strong")).to_have_text("a new instance")
    expect(text.locator("em")).to_have_text("then")
    expect(text.locator("p code")).to_have_text("db.main")
    expect(text.locator("ol > li")).to_have_count(2)
    expect(text.locator("ol > li > ul > li")).to_have_text(["the data", "the log"])
    expect(text.locator("td")).to_have_text(["one", "5"])
    expect(text.locator("pre")).to_have_text("<b>not markup</b> **nor this**")
    links = text.locator("a")
    expect(links).to_have_text(["[1]", "the guide"])
    expect(links.last).to_have_attribute("href", "https://example.org/a")
    expect(text).to_contain_text("2 * 3 * 4 = 24, snake_case_name")
    expect(text).to_contain_text("[x](javascript:alert(1))")
    expect(text).to_contain_text("<img src=x onerror=alert(1)>")
    assert text.locator("img, b").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(visitor: Visitor, playground: str, scheme: str) -> None:
    page = visitor.open(playground, path="/playground", color_scheme=scheme)
    ask(page, FAITH)
    ask(page, "What does faith mean?")
    for details in page.locator("summary:visible").all():
        details.click()
    edit_note(page, "Faith", "# Faith\n\nFaith is the substance of things hoped for, and unseen.")
    expect(page.locator("#outdated")).to_contain_text("Outdated")
    assert accessibility_violations(page) == []
    edit_note(page, "Faith", "# Faith\n\nFaith is the substance of things hoped for.")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert accessibility_violations(page) == []
    page.keyboard.press("Escape")
    page.set_viewport_size(PHONE)
    assert accessibility_violations(page) == []


def test_question_of_one_long_word_fits_the_page(visitor: Visitor, playground: str) -> None:
    page = visitor.open(playground, path="/playground?user=words")
    ask(page, "x" * 2_000)
    for width in (1440, 768, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_focus_stays_near_what_a_key_has_removed(visitor: Visitor, playground: str) -> None:
    page = visitor.open(playground, path="/playground?user=keys")
    page.get_by_role("button", name="company handbook").press("Enter")
    expect(page.locator("#examples li:visible button").first).to_be_focused()
    page.locator("#notes button").first.press("Enter")
    expect(page.get_by_label("Text")).to_be_focused()
    page.get_by_role("button", name="Delete").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_role("button", name="New note")).to_be_focused()


def test_phone_has_tabs_and_needs_no_horizontal_scrolling(
    visitor: Visitor, playground: str
) -> None:
    page = visitor.open(playground, path="/playground", size=PHONE)
    tabs = page.get_by_role("navigation", name="Sections")
    ask(page, FAITH)
    expect(page.locator("#notes")).to_be_hidden()
    save_screenshot(page, "playground-phone")
    for name, content in (
        ("Notes", "#notes"),
        ("Cached answers", "#cached"),
        ("Question", "#text"),
    ):
        tabs.get_by_role("button", name=name).click()
        expect(page.locator(content)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator("#sources button").first.click()
    expect(page.get_by_label("Title")).to_be_visible()
    expect(page.locator("#text")).to_be_hidden()
