"""Response body of note changes."""

from typing_extensions import TypedDict  # as in functions/ask/schemas.py


class NoteChangeEffect(TypedDict):
    """The effect of a note change, which is complete: no later answer uses the former note.

    `stored`: false if the note store has a newer version of the note. `dropped` and `retained`
    count the user's cached answers. `precise`: false if the note could not be read, so that all of
    them were dropped.
    """

    stored: bool
    dropped: int
    retained: int
    precise: bool
