"""`tercet notes`: list, show, import, edit and delete notes."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from functions.notes.serializers import changed_at, note_to_json
from infra.local.commands.command_context import (
    console,
    pluralize,
    print_json,
    run_with_container,
)
from infra.local.commands.import_notes import import_
from infra.local.commands.options import DEFAULT_USER, Data, Json, User
from infra.local.embedded import DATA
from infra.local.note_changes import note_deleted, note_updated
from shared.errors import InvalidRequestError, NotFoundError
from shared.notes.files.file_import import ImportedNote

if TYPE_CHECKING:
    from shared.container import Container
    from shared.freshness import NoteChangeResult
    from shared.notes.note import Note

app = typer.Typer(
    name="notes",
    help="Read and change a user's notes.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

NoteId = Annotated[str, typer.Argument(metavar="NOTE_ID", help="The note's id.")]


app.command("import")(import_)


@app.command("list")
def list_(*, user: User = DEFAULT_USER, data: Data = DATA, json: Json = False) -> None:
    """List a user's notes: a table, or in a pipe a line of tab-separated values each."""
    notes = run_with_container(
        data, lambda container: container.store.list_notes(user), cache=False
    )
    if json:
        print_json([note_to_json(note) for note in notes])
        return
    rows = [
        (
            note.note_id,
            note.title,
            f"{len(note.text.split())}",
            f"{changed_at(note):%F %H:%M}",
            ", ".join(note.tags),
        )
        for note in notes
    ]
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    # slow to load
    from rich.cells import cell_len  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    out, table = console(), Table(box=None, pad_edge=False)
    whole = max((cell_len(note.note_id) for note in notes), default=0)
    table.add_column("id", no_wrap=True, min_width=whole)
    for heading in ("title", "words", "changed", "tags"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if notes:
        out.print(table, crop=False)
    out.print(f"{user} has {pluralize(len(notes), 'note')}.")


@app.command()
def show(
    note_id: NoteId, *, user: User = DEFAULT_USER, data: Data = DATA, json: Json = False
) -> None:
    """Show one note."""
    note = run_with_container(
        data, lambda container: _get_note(container, user, note_id), cache=False
    )
    if json:
        print_json(note_to_json(note))
    else:
        typer.echo(note.text)


@app.command()
def edit(
    note_id: NoteId,
    *,
    text: Annotated[str | None, typer.Option("--text", help="The new text.")] = None,
    file: Annotated[
        typer.FileBinaryRead | None,
        typer.Option("--file", help="A file with the new text; - is stdin."),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", show_default="unchanged", help="The new title.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", show_default="unchanged", help="A new tag; may be repeated."),
    ] = None,
    user: User = DEFAULT_USER,
    data: Data = DATA,
    json: Json = False,
) -> None:
    """Replace the text of a note, or create a note."""
    if (text is None) == (file is None):
        raise typer.BadParameter("give either --text or --file")
    new_text = _read_text(file) if file else text or ""

    async def job(container: "Container") -> "NoteChangeResult":
        old = await container.store.get_note(user, note_id)
        new_title = title if title is not None else old.title if old else note_id
        new_tags = tuple(tag) if tag else old.tags if old else ()
        change = note_updated(user, ImportedNote(note_id, new_title, new_text, new_tags))
        return await container.freshness.note_changed(change)

    _print_outcome("written", note_id, run_with_container(data, job), json=json)


@app.command()
def delete(
    note_id: NoteId, *, user: User = DEFAULT_USER, data: Data = DATA, json: Json = False
) -> None:
    """Delete a note."""

    async def job(container: "Container") -> "NoteChangeResult":
        await _get_note(container, user, note_id)
        return await container.freshness.note_changed(note_deleted(user, note_id))

    _print_outcome("deleted", note_id, run_with_container(data, job), json=json)


async def _get_note(container: "Container", user: str, note_id: str) -> "Note":
    note = await container.store.get_note(user, note_id)
    if note is None:
        raise NotFoundError(f"{user} has no note {note_id!r}; run: tercet notes list")
    return note


def _read_text(file: typer.FileBinaryRead) -> str:
    try:
        return file.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{file.name} is not UTF-8 at byte {error.start:,}") from None


def _print_outcome(action: str, note_id: str, outcome: "NoteChangeResult", *, json: bool) -> None:
    if json:
        print_json({"note_id": note_id, **asdict(outcome)})
        return
    if not outcome.stored:
        action = "unchanged: the store has a newer version"
    dropped = pluralize(outcome.dropped, "cached answer")
    typer.echo(f"{note_id} {action}; {dropped} dropped, {outcome.retained:,} retained")
