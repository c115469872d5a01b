"""`tercet notes list` and `tercet notes show`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from functions.notes.serializers import changed_at, note_to_json
from infra.local.commands.command_context import (
    console,
    pluralize,
    print_json,
    printable,
    run_with_container,
)
from infra.local.commands.options import data_option, json_option, user_option
from shared.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.container import Container
    from shared.notes.note import Note


@click.command("list")
@user_option
@data_option
@json_option
def list_(*, user: str, data: Path, json: bool) -> None:
    """List a user's notes.

    Prints a table, or in a pipe a line of tab-separated values for each note.
    """
    notes = run_with_container(
        data, lambda container: container.store.list_notes(user), cache=False, create=False
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
    if sys.stdout.isatty():
        _print_table(rows)
        click.echo(f"{user} has {pluralize(len(notes), 'note')}.")
        return
    for row in rows:
        click.echo("\t".join(" ".join(cell.split()) for cell in row))


@click.command()
@click.argument("note_id")
@user_option
@data_option
@json_option
def show(note_id: str, *, user: str, data: Path, json: bool) -> None:
    """Show one note."""
    note = run_with_container(
        data, lambda container: require_note(container, user, note_id), cache=False, create=False
    )
    if json:
        print_json(note_to_json(note))
    else:
        click.echo(printable(note.text))


async def require_note(container: "Container", user: str, note_id: str) -> "Note":
    """Return a note.

    Raises:
        NotFoundError: the user has no note with this id.
    """
    note = await container.store.get_note(user, note_id)
    if note is None:
        raise NotFoundError(f"{user} has no note {note_id!r}; run: tercet notes list")
    return note


def _print_table(rows: "Sequence[tuple[str, ...]]") -> None:
    # slow to load
    from rich.cells import cell_len  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    whole = max((cell_len(note_id) for note_id, *_ in rows), default=0)
    table.add_column("id", no_wrap=True, min_width=whole)
    for heading in ("title", "words", "changed", "tags"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    if rows:
        console().print(table, crop=False)
