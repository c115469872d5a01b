"""Notes on the playground: edits and what they invalidate, unsaved text, users."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import save_screenshot
from tests.support.playground_page import FAITH, GARDEN, ask, delete_note, edit_note, write_note

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


def test_edit_drops_affected_answers_and_retains_the_others(page: Page) -> None:
    ask(page, FAITH)
    ask(page, GARDEN)
    edit_note(page, "Garden", "# Garden\n\nThe pear tree is pruned in March.")
    expect(page.locator(".dropped")).to_contain_text(["pear tree"])
    expect(page.locator(".retained").filter(has_text="What is faith?")).to_be_visible()
    expect(page.locator(".retained").filter(has_text="pear tree")).to_have_count(0)
    expect(page.locator("#outcome li")).to_have_text([GARDEN])
    expect(page.locator("#outdated")).to_contain_text("Outdated")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#text")).to_contain_text("in March")
    expect(page.locator("#outdated")).to_be_empty()
    edit_note(page, "Garden", "# Garden\n\nThe pear tree is pruned in May.")
    expect(page.locator(".dropped").filter(has_text="pear tree")).to_be_visible()
    save_screenshot(page, "playground-edited")


def test_note_can_be_created_and_deleted(page: Page) -> None:
    write_note(page, "Grace & peace", "Grace is not a wage.")
    expect(page.locator("#notes")).to_contain_text("Grace & peace")
    ask(page, "What is grace?")
    expect(page.locator("#text")).to_contain_text("not a wage")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("#notes")).to_contain_text("Grace & peace")
    delete_note(page)
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
        delete_note(page)
    expect(twins).to_have_count(0)


def test_long_note_can_be_created_and_edited(page: Page) -> None:
    long = "The vine is green. " * 5_000
    write_note(page, "A long one", long)
    edit_note(page, "A long one", f"{long} And so on.")
    delete_note(page)


def test_note_text_is_not_interpreted_as_markup(page: Page) -> None:
    text = "The <b>vine</b> is the word of this note, says the preacher."
    write_note(page, "<img src=x onerror=alert(1)>", text)
    ask(page, "What is the vine?")
    expect(page.locator("#text")).to_contain_text("The vine is the word")
    expect(page.locator("#sources")).to_contain_text("<b>vine</b>")
    assert page.locator("main img, main b").count() == 0
    delete_note(page)


def test_user_is_in_the_url_and_sees_neither_notes_nor_answers_of_others(page: Page) -> None:
    page.get_by_label("User").fill("zoë")
    page.get_by_label("User").press("Tab")
    expect(page.get_by_role("heading", name="You have no notes yet")).to_be_visible()
    expect(page.locator("#notes")).to_contain_text("No notes yet")
    expect(page.locator("#cached")).to_contain_text("No cached answers yet")
    page.reload()
    expect(page.get_by_label("User")).to_have_value("zoë")
    expect(page.locator("#notes")).to_contain_text("No notes yet")


def test_unsaved_text_is_discarded_only_if_the_user_agrees(page: Page) -> None:
    notes = page.locator("#notes")
    notes.get_by_role("button", name="Hope").click()
    page.get_by_label("Text").fill("A draft.")
    notes.get_by_role("button", name="Love").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Text")).to_have_value("A draft.")
    page.get_by_label("User").fill("other")
    page.get_by_label("User").press("Tab")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("User")).to_have_value("me")
    expect(page.get_by_label("Text")).to_have_value("A draft.")
    notes.get_by_role("button", name="Love").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Text")).to_have_value(re.compile("Love is a gift"))
