"""Request and response bodies of `notes`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # as in functions/ask/schemas.py

from shared.notes.messages.note_changed import MAX_TEXT, MAX_TITLE
from shared.tags import MAX_NOTE_TAGS, MAX_TAG_CHARACTERS

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class NoteBody(BaseModel):
    """The complete new content of a note. Null stands for an omitted field.

    `tags`: case, `#` at the start and superfluous white space do not matter; omitted tags are none.
    `version` is a count that increases with each change of the note. Without it, the arrival
    decides which of two changes is newer. Send it with all changes of a note or with none.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[str, Field(max_length=MAX_TITLE)] | None = ""
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    tags: (
        Annotated[
            list[Annotated[str, Field(max_length=MAX_TAG_CHARACTERS)]],
            Field(max_length=MAX_NOTE_TAGS),
        ]
        | None
    ) = None
    version: Annotated[int, Field(ge=0, lt=2**63)] | None = None


class NoteSummary(TypedDict):
    """A note without its text.

    `version` is the count that was sent, or the time of the change in microseconds since 1970 UTC.
    """

    note_id: str
    title: str
    tags: list[str]
    version: int
    changed_at: Timestamp


class StoredNote(NoteSummary):
    """A note with its text."""

    text: str


class NotePage(TypedDict):
    """Notes in the order of their ids.

    `next_cursor` is the cursor of the next page, or null on the last page.
    """

    notes: list[NoteSummary]
    next_cursor: str | None
