"""`tercet notes`: list, show, import, edit and delete notes."""

import click

from infra.local.lazy_group import LazyCommand, LazyGroup

_PACKAGE = "infra.local.commands"


@click.group(
    cls=LazyGroup,
    lazy={
        "import": LazyCommand(
            f"{_PACKAGE}.import_notes", "import_", "Import notes from files; skip unchanged notes."
        ),
        "list": LazyCommand(f"{_PACKAGE}.show_notes", "list_", "List a user's notes."),
        "show": LazyCommand(f"{_PACKAGE}.show_notes", "show", "Show one note."),
        "edit": LazyCommand(
            f"{_PACKAGE}.edit_notes", "edit", "Change or create a note; opens $VISUAL or $EDITOR."
        ),
        "delete": LazyCommand(f"{_PACKAGE}.edit_notes", "delete", "Delete a note."),
    },
)
def notes() -> None:
    """Read and change a user's notes."""
