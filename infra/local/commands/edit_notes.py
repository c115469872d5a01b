"""`tercet notes edit` and `tercet notes delete`."""

import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from infra.local.commands.command_context import pluralize, print_json, run_with_container
from infra.local.commands.options import data_option, json_option, user_option
from infra.local.commands.show_notes import require_note
from infra.local.note_changes import note_deleted, note_updated
from shared.errors import ConflictError, InvalidRequestError, TercetError
from shared.notes.files.file_import import ImportedNote

if TYPE_CHECKING:
    from shared.container import Container
    from shared.freshness import NoteChangeResult
    from shared.notes.note import Note


@click.command()
@click.argument("note_id")
@click.option("--text", help="The new text.")
@click.option("--file", type=click.File("rb"), help="A file with the new text; - is stdin.")
@click.option("--title", show_default="unchanged", help="The new title.")
@click.option("--tag", multiple=True, show_default="unchanged", help="A new tag; may be repeated.")
@user_option
@data_option
@json_option
def edit(
    note_id: str,
    *,
    text: str | None,
    file: IO[bytes] | None,
    title: str | None,
    tag: tuple[str, ...],
    user: str,
    data: Path,
    json: bool,
) -> None:
    """Change or create a note; opens $VISUAL or $EDITOR.

    With --text, --file, --title or --tag, no editor is opened.
    """
    if text is not None and file is not None:
        raise click.UsageError("give either --text or --file")
    new_text = _read_text(file) if file else text

    async def write(container: "Container", text: str | None) -> "NoteChangeResult":
        if text is None:
            old: Note | None = await require_note(container, user, note_id)
        else:
            old = await container.store.get_note(user, note_id)
        new_text = old.text if old and text is None else text or ""
        new_title = title if title is not None else old.title if old else note_id
        new_tags = tag or (old.tags if old else ())
        change = note_updated(user, ImportedNote(note_id, new_title, new_text, new_tags))
        return await container.freshness.note_changed(change)

    if new_text is not None or title is not None or tag:
        outcome = run_with_container(data, lambda container: write(container, new_text))
        _print_outcome("written", note_id, outcome, json=json)
        return

    async def read(container: "Container") -> str:
        note = await container.store.get_note(user, note_id)
        return note.text if note else ""

    async def write_if_unchanged(container: "Container", text: str) -> "NoteChangeResult":
        if await read(container) != former:
            raise ConflictError(f"note {note_id!r} was changed while it was edited")
        return await write(container, text)

    _require_editor()
    former = run_with_container(data, read, cache=False)
    draft = _edit_draft(former)
    try:
        edited = _read_draft(draft)
        if edited == former:
            click.echo(f"{note_id} unchanged", err=json)
        else:
            outcome = run_with_container(
                data, lambda container: write_if_unchanged(container, edited)
            )
            _print_outcome("written", note_id, outcome, json=json)
    except TercetError as error:
        raise TercetError(f"{error}; the edited text is in {draft}") from None
    draft.unlink()


@click.command()
@click.argument("note_id")
@user_option
@data_option
@json_option
def delete(note_id: str, *, user: str, data: Path, json: bool) -> None:
    """Delete a note."""

    async def job(container: "Container") -> "NoteChangeResult":
        await require_note(container, user, note_id)
        return await container.freshness.note_changed(note_deleted(user, note_id))

    outcome = run_with_container(data, job, create=False)
    _print_outcome("deleted", note_id, outcome, json=json)


def _read_text(file: IO[bytes]) -> str:
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{file.name} is not UTF-8 at byte {error.start:,}") from None


def _require_editor() -> None:
    if not sys.stdin.isatty() and not os.environ.keys() & {"VISUAL", "EDITOR"}:
        raise click.UsageError("give either --text or --file, or set EDITOR")


def _edit_draft(text: str) -> Path:
    """Open a text in the editor; return the file with what was saved."""
    descriptor, name = tempfile.mkstemp(prefix="tercet-", suffix=".md")
    with os.fdopen(descriptor, "wb") as draft:
        draft.write(text.encode())
    path = Path(name)
    try:
        click.edit(filename=name)
    except (click.ClickException, ValueError) as error:
        message = f"the editor's command is not valid: {error}"
        if isinstance(error, click.ClickException):
            message = error.message
        if path.read_bytes() != text.encode():
            raise TercetError(f"{message}; the text is in {name}") from None
        path.unlink()
        raise TercetError(message) from None
    return path


def _read_draft(draft: Path) -> str:
    try:
        return draft.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"the text is not UTF-8 at byte {error.start:,}") from None


def _print_outcome(action: str, note_id: str, outcome: "NoteChangeResult", *, json: bool) -> None:
    if json:
        print_json({"note_id": note_id, **asdict(outcome)})
        return
    if not outcome.stored:
        action = "unchanged: the store has a newer version"
    dropped = pluralize(outcome.dropped, "cached answer")
    click.echo(f"{note_id} {action}; {dropped} dropped, {outcome.retained:,} retained")
