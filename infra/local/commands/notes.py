"""`tercet notes`: read and change a user's notes."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.local.commands.command_context import console, pluralize, print_json, run_with_container
from infra.local.commands.options import ME, Data, Json, User
from infra.local.embedded import DATA
from shared.errors import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from infra.local.bulk_import import Imported
    from shared.container import Container
    from shared.freshness import NoteChangeResult
    from shared.notes.note import Note

app = typer.Typer(name="notes", no_args_is_help=True, help="Read and change a user's notes.")

NoteId = Annotated[str, typer.Argument(metavar="NOTE_ID", help="The note's id.")]


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="Markdown, text, JSON lines, or a folder of them.")],
    *,
    user: User = ME,
    data: Data = DATA,
    json: Json = False,
) -> None:
    """Import notes; nothing is stored unless all of them can be read.

    A line of JSON has note_id, title and text. Notes that are there as they are stay untouched.
    """
    from rich.progress import Progress  # noqa: PLC0415 - slow to load, as what follows

    from infra.local.bulk_import import changes, import_notes  # noqa: PLC0415
    from shared.notes.file_import import read_note_files  # noqa: PLC0415

    notes = read_note_files(path)
    changes(user, notes)

    async def job(container: "Container") -> "Imported":
        with Progress(console=console(stderr=True), transient=True, disable=json) as bar:
            task = bar.add_task("Importing", total=len(notes))
            return await import_notes(
                container, user, notes, lambda count: bar.advance(task, count)
            )

    done = run_with_container(data, job)
    if json:
        print_json(asdict(done))
        return
    told = f"{pluralize(done.notes, 'note')} for {user}: {pluralize(done.chunks, 'chunk')} written"
    if done.unchanged:
        told += f", {done.unchanged:,} unchanged"
    if done.dropped or done.kept:
        told += f"; {pluralize(done.dropped, 'cached answer')} dropped, {done.kept:,} kept"
    typer.echo(told)


@app.command("list")
def list_(*, user: User = ME, data: Data = DATA, json: Json = False) -> None:
    """List a user's notes."""

    async def job(container: "Container") -> "list[Note]":
        return await container.store.list_notes(user)

    notes = run_with_container(data, job)
    if json:
        print_json([_told(note) for note in notes])
        return
    from rich.table import Table  # noqa: PLC0415 - not for JSON

    table = Table("id", "title", "words", "changed", box=None, pad_edge=False)
    for note in notes:
        words = f"{len(note.text.split()):,}"
        table.add_row(note.note_id, note.title, words, f"{_changed(note):%Y-%m-%d %H:%M}")
    out = console()
    if notes:
        out.print(table)
    out.print(f"{user} has {pluralize(len(notes), 'note')}.")


@app.command()
def show(note_id: NoteId, *, user: User = ME, data: Data = DATA, json: Json = False) -> None:
    """Show one note."""

    async def job(container: "Container") -> "Note":
        return await _existing(container, user, note_id)

    note = run_with_container(data, job)
    if json:
        print_json(_told(note))
    else:
        typer.echo(note.text)


@app.command()
def edit(
    note_id: NoteId,
    *,
    text: Annotated[str | None, typer.Option("--text", help="The whole new text.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A file with the new text; - is stdin.")
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", show_default="as it was", help="The title.")
    ] = None,
    user: User = ME,
    data: Data = DATA,
    json: Json = False,
) -> None:
    """Write a note anew, or a new one."""
    if (text is None) == (file is None):
        raise typer.BadParameter("give either --text or --file")
    whole = text if text is not None else _read(file or Path())

    async def job(container: "Container") -> "NoteChangeResult":
        from infra.local.change_messages import note_updated  # noqa: PLC0415 - pydantic is slow to load
        from shared.notes.file_import import ImportedNote  # noqa: PLC0415

        before = await container.store.get_note(user, note_id)
        named = title if title is not None else before.title if before else note_id
        change = note_updated(user, ImportedNote(note_id, named, whole))
        return await container.freshness.note_changed(change)

    _tell("written", note_id, run_with_container(data, job), json=json)


@app.command()
def delete(note_id: NoteId, *, user: User = ME, data: Data = DATA, json: Json = False) -> None:
    """Delete a note."""

    async def job(container: "Container") -> "NoteChangeResult":
        from infra.local.change_messages import note_deleted  # noqa: PLC0415 - as above

        await _existing(container, user, note_id)
        return await container.freshness.note_changed(note_deleted(user, note_id))

    _tell("deleted", note_id, run_with_container(data, job), json=json)


async def _existing(container: "Container", user: str, note_id: str) -> "Note":
    note = await container.store.get_note(user, note_id)
    if note is None:
        raise NotFoundError(f"{user} has no note {note_id!r}; see: tercet notes list")
    return note


def _read(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode()
    except OSError as error:
        raise InvalidRequestError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"{file} is not UTF-8 at byte {error.start:,}") from None


def _tell(done: str, note_id: str, outcome: "NoteChangeResult", *, json: bool) -> None:
    if json:
        print_json({"note_id": note_id, **asdict(outcome)})
        return
    if not outcome.applied:
        done = "left as it is, for the store has a newer version"
    dropped = pluralize(outcome.dropped, "cached answer")
    typer.echo(f"{note_id} {done}; {dropped} dropped, {outcome.retained:,} kept")


def _told(note: "Note") -> dict[str, Any]:
    return {
        "note_id": note.note_id,
        "title": note.title,
        "text": note.text,
        "version": note.version,
        "changed_at": _changed(note).isoformat(),
    }


def _changed(note: "Note") -> datetime:
    return datetime.fromtimestamp(note.changed_at / 1_000_000, UTC)
