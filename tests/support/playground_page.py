"""Actions of a user on the playground, and questions that its test notes answer."""

from playwright.sync_api import Page, expect

FAITH, GARDEN = "What is faith?", "When is the pear tree pruned?"


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


def delete_note(page: Page) -> None:
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#edit")).to_be_hidden()
