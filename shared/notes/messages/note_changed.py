"""The message of a note change.

`python -m shared.notes.messages.note_changed` prints its JSON Schema.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from shared.errors import InvalidChangeError
from shared.message_validation import describe_problems
from shared.notes.messages.debezium import event_to_messages, find_event
from shared.notes.messages.envelopes import unwrap_envelopes
from shared.notes.note import Note
from shared.notes.sanitize import ID_CHARACTERS, sanitize_text
from shared.tags import MAX_NOTE_TAGS, MAX_TAG_CHARACTERS, normalize_note_tags

NOT_A_MESSAGE = "not a NoteChanged message: "
"""Begins the error of a message that is not valid."""

MAX_TEXT = 1_000_000
"""The maximum number of characters of a message's text."""
MAX_TITLE = 1_000
"""The maximum number of characters of a message's title."""

# As `sanitize.require_id` requires: pydantic refuses lone surrogates itself.
_Id = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS, pattern=r"^[^\x00]*$")]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _sanitize(value: object) -> object:
    """Sanitize a text: a truncated emoji must not keep the old text in use."""
    return sanitize_text(value) if isinstance(value, str) else value


_Tag = Annotated[str, Field(max_length=MAX_TAG_CHARACTERS), BeforeValidator(_sanitize)]


def _require_iso_8601(value: object) -> object:
    """Reject a number, since its unit is ambiguous: seconds or milliseconds."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("must be a date and time with an offset, such as 2026-11-01T10:00:00Z")


class Operation(StrEnum):
    """The kind of change of a note, or of all notes of a user."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    USER_DELETED = "user_deleted"
    ALL_CHANGED = "all_changed"


NOTE_OPERATIONS = frozenset({Operation.CREATED, Operation.UPDATED, Operation.DELETED})
"""The operations on one note."""

_TEXT_OPERATIONS = frozenset({Operation.CREATED, Operation.UPDATED})


def _has_operation(operations: frozenset[Operation]) -> dict[str, Any]:
    return {"properties": {"operation": {"enum": sorted(operations)}}}


class NoteChanged(BaseModel):
    """A change of one note, the deletion of a user, or a change of all notes of a user.

    Unknown fields are ignored.
    """

    model_config = ConfigDict(
        frozen=True,
        title="NoteChanged",
        use_attribute_docstrings=True,
        json_schema_extra={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            # The same conditions as in `_check_fields`.
            "allOf": [
                {
                    "if": _has_operation(NOTE_OPERATIONS),
                    "then": {
                        "required": ["note_id"],
                        "properties": {"note_id": {"type": "string"}},
                    },
                },
                {
                    "if": {"not": _has_operation(_TEXT_OPERATIONS)},
                    "then": {"properties": {"text": {"type": "null"}}},
                },
            ],
        },
    )

    schema_version: Literal[1] = 1
    user_id: _Id
    """The user whose note changed."""
    note_id: _Id | None = None
    """Required for the operations created, updated and deleted."""
    operation: Operation
    occurred_at: Annotated[AwareDatetime, BeforeValidator(_require_iso_8601)]
    """The time of the change, with an offset from UTC. A time that is more than five minutes ahead
    of the receiver's clock is replaced by the time of arrival."""
    version: Annotated[int, Field(ge=0, lt=2**63, strict=True)] | None = None
    """A count that increases with each change of the note, including its deletion; not a time.
    `occurred_at` decides which of two changes is newer unless both have a version. Send it with all
    changes of a note or with none."""
    sequence: Annotated[int, Field(ge=0, lt=2**63, strict=True)] | None = None
    """A number that the sender's database gave the change while it locked the note's row. The
    greater is newer, whatever `occurred_at` and `version` are. A change without a sequence is older
    than any with one."""
    title: Annotated[str, Field(max_length=MAX_TITLE), BeforeValidator(_sanitize)] | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT), BeforeValidator(_sanitize)] | None = None
    """The note's complete text, to be stored; omit it if you write to the note store yourself."""
    tags: Annotated[list[_Tag], Field(max_length=MAX_NOTE_TAGS)] | None = None
    """The note's tags, to be stored with its text. Case, `#` at the start and superfluous white
    space do not matter. Omitted tags are no tags: a message replaces the whole note."""

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        if self.operation in NOTE_OPERATIONS and self.note_id is None:
            raise ValueError(f"operation {self.operation} needs a note_id")
        if self.text is not None and self.operation not in _TEXT_OPERATIONS:
            raise ValueError(f"operation {self.operation} must not have a text")
        return self

    @property
    def changed_at(self) -> int:
        """`occurred_at` in microseconds since 1970 UTC."""
        return (self.occurred_at - EPOCH) // timedelta(microseconds=1)

    def at(self, changed_at: int) -> "NoteChanged":
        """Return this change with another time, in microseconds since 1970 UTC."""
        occurred_at = EPOCH + timedelta(microseconds=changed_at)
        return self.model_copy(update={"occurred_at": occurred_at})

    @property
    def effective_version(self) -> int:
        """The version, or `changed_at` without one: see `version_order.Order`."""
        return self.changed_at if self.version is None else self.version


def parse_change(body: str | bytes | dict[str, Any]) -> NoteChanged:
    """Parse a message, bare or in the envelopes that `unwrap_envelopes` supports.

    Raises:
        InvalidChangeError: the message is not JSON or not a valid `NoteChanged`; the error names
            the fields and never their values.
    """
    return _validate(unwrap_envelopes(body))


def parse_changes(
    body: str | bytes | dict[str, Any] | None, debezium_columns: Mapping[str, str]
) -> list[NoteChanged]:
    """Parse a message as `parse_change` does, or a change event of Debezium.

    A change event has up to two changes, and a tombstone has none.

    Args:
        body: the message.
        debezium_columns: as `parse_columns` returns them; without them null is no message.

    Raises:
        InvalidChangeError: the message or the event is invalid.
    """
    if debezium_columns and body in (None, "", b"", "null", b"null"):
        return []
    message = unwrap_envelopes(body)
    event = find_event(message)
    if event is None:
        return [_validate(message)]
    changes = event_to_messages(event, debezium_columns)
    for change in changes:
        if "title" in change:
            change["title"] = change["title"][:MAX_TITLE]
    return [_validate(change) for change in changes]


def _validate(message: dict[str, Any]) -> NoteChanged:
    try:
        return NoteChanged.model_validate(message)
    except ValidationError as error:
        raise InvalidChangeError(f"{NOT_A_MESSAGE}{describe_problems(error)}") from None


def note_of(change: NoteChanged) -> Note:
    """Return the note that a change with a text stores."""
    return Note(
        user_id=change.user_id,
        note_id=change.note_id or "",
        title=change.title or "",
        tags=normalize_note_tags(change.tags or ()),
        text=change.text or "",
        version=change.effective_version,
        changed_at=change.changed_at,
        sequence=change.sequence,
    )


if __name__ == "__main__":
    json.dump(NoteChanged.model_json_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
