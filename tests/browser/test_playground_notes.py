"""Notes on the playground: edits and what they invalidate, unsaved text, users."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import save_screenshot
from tests.support.playground_page import FAITH, GARDEN, ask, delete_note, edit_note, write_note

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
]


def hold(page: Page, url: str, method: str) -> list[Route]:
    """Hold requests back; each must be continued."""
    held: list[Route] = []

    def handle(route: Route) -> None:
        if route.request.method == method:
            held.append(route)
        else:
            route.continue_()

    page.route(url, handle)
    return held


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


def test_note_that_is_saved_twice_at_once_is_created_once(page: Page) -> None:
    held = hold(page, "**/v1/notes/*", "PUT")
    page.get_by_role("button", name="New note").click()
    page.get_by_label("Title").fill("Once")
    page.get_by_label("Text").fill("It is written once.")
    page.get_by_role("button", name="Save").dblclick()
    with page.expect_response("**/v1/notes/*"):
        while not held:
            page.wait_for_timeout(50)
        held[0].continue_()
    expect(page.locator("#outcome")).to_contain_text("Applied in")
    assert len(held) == 1
    delete_note(page)


def test_note_that_is_opened_during_a_change_does_not_receive_its_text(page: Page) -> None:
    held = hold(page, "**/v1/notes/*", "PUT")
    notes = page.locator("#notes")
    notes.get_by_role("button", name="Hope").click()
    page.get_by_label("Text").fill("# Hope\n\nHope is a gift to all.")
    page.get_by_role("button", name="Save").click()
    notes.get_by_role("button", name="Love").click()
    while not held:
        page.wait_for_timeout(50)
    expect(page.get_by_role("dialog")).to_be_hidden()
    held[0].continue_()
    expect(page.get_by_label("Title")).to_have_value("Love")
    expect(page.get_by_label("Text")).to_have_value(re.compile("Love is a gift"))
    notes.get_by_role("button", name="Hope").click()  # asks nothing: both notes are unchanged
    expect(page.get_by_label("Text")).to_have_value(re.compile("gift to all"))


def test_late_response_of_another_user_is_not_shown(page: Page) -> None:
    expect(page.locator("#notes")).to_contain_text("Garden")
    held = hold(page, "**/v1/notes?*", "GET")
    user = page.get_by_label("User")
    user.fill("late")
    user.press("Tab")
    user.fill("me")
    user.press("Tab")
    while len(held) < 2:
        page.wait_for_timeout(50)
    held[1].continue_()
    expect(page.locator("#notes")).to_contain_text("Garden")
    with page.expect_response("**/v1/notes?*"):
        held[0].continue_()
    page.wait_for_timeout(200)
    expect(page.locator("#notes")).to_contain_text("Garden")


def test_user_without_a_response_is_shown_no_notes_of_the_user_before(page: Page) -> None:
    expect(page.locator("#notes")).to_contain_text("Garden")
    page.route("**/v1/**", lambda route: route.abort())
    page.get_by_label("User").fill("other")
    page.get_by_label("User").press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("Reconnecting")
    expect(page.locator("#notes")).to_have_text("Loading …")


def test_user_in_the_url_may_have_characters_that_a_header_cannot(
    page: Page, playground: str
) -> None:
    page.goto(f"{playground}/playground?user=%00me%00")
    expect(page.locator("#notes")).to_contain_text("Garden")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_text_from_right_to_left_is_aligned_to_the_right(page: Page) -> None:
    write_note(page, "הערה", "החופשה היא עשרים ימים.")
    title = page.locator("#notes").get_by_role("button", name="הערה")
    right = """(button) => {
        const range = document.createRange();
        range.selectNodeContents(button.querySelector("span").firstChild);
        const [text, box] = [range.getBoundingClientRect(), button.getBoundingClientRect()];
        return box.right - text.right < text.left - box.left;
    }"""
    assert title.evaluate(right)
    assert not page.locator("#notes").get_by_role("button", name="Garden").evaluate(right)
    delete_note(page)
