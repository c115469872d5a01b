"""The message that a note changed.

`python -m shared.notes.messages.note_changed` writes its JSON Schema.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from shared.errors import InvalidChangeError, InvalidRequestError
from shared.notes.messages.envelopes import unwrap_envelopes
from shared.notes.sanitize import ID_CHARACTERS, require_id, sanitize_text

MAX_TEXT = 1_000_000
"""The most characters that a message's text may have."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _checked(name: str) -> AfterValidator:
    def check(value: str) -> str:
        try:
            require_id(name, value)
        except InvalidRequestError as error:
            raise ValueError(str(error)) from None
        return value

    return AfterValidator(check)


def _mended(value: object) -> object:
    """Half an emoji, cut off by its writer, is no reason to go on answering from the old text."""
    return sanitize_text(value) if isinstance(value, str) else value


def _written_out(value: object) -> object:
    """Refuse a bare number: whether it counts seconds or milliseconds would be a guess."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("must be a date and time with its offset, such as 2026-11-01T10:00:00Z")


UserId = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS), _checked("user_id")]
NoteId = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS), _checked("note_id")]


class Operation(StrEnum):
    """What happened to a note, or to all of a user's."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    USER_DELETED = "user_deleted"
    ALL_CHANGED = "all_changed"


NOTE_OPERATIONS = frozenset({Operation.CREATED, Operation.UPDATED, Operation.DELETED})
_TEXT_OPERATIONS = frozenset({Operation.CREATED, Operation.UPDATED})


def _when(operations: frozenset[Operation]) -> dict[str, Any]:
    return {"properties": {"operation": {"enum": sorted(operations)}}}


class NoteChanged(BaseModel):
    """A note of a user was created, updated or deleted; or the user was, or all notes changed.

    Fields that are not named here are ignored.
    """

    model_config = ConfigDict(
        frozen=True,
        title="NoteChanged",
        use_attribute_docstrings=True,
        json_schema_extra={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            # What `_consistent` checks.
            "allOf": [
                {
                    "if": _when(NOTE_OPERATIONS),
                    "then": {
                        "required": ["note_id"],
                        "properties": {"note_id": {"type": "string"}},
                    },
                },
                {
                    "if": {"not": _when(_TEXT_OPERATIONS)},
                    "then": {"properties": {"text": {"type": "null"}}},
                },
            ],
        },
    )

    schema_version: Literal[1] = 1
    user_id: UserId
    """Whose note it is."""
    note_id: NoteId | None = None
    """Required where one note was created, updated or deleted."""
    operation: Operation
    occurred_at: Annotated[AwareDatetime, BeforeValidator(_written_out)]
    """When it happened, with its offset from UTC."""
    version: Annotated[int, Field(ge=0, lt=2**63, strict=True)] | None = None
    """Grows with each change of the note, deletion included. Without it, `occurred_at` decides
    which of two changes is the newer; give it with every change of a note, or with none."""
    title: Annotated[str, Field(max_length=1_000), BeforeValidator(_mended)] | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT), BeforeValidator(_mended)] | None = None
    """The note's whole text as it is now, to be stored; without it, its owner has stored it."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.operation in NOTE_OPERATIONS and self.note_id is None:
            raise ValueError(f"operation {self.operation} needs a note_id")
        if self.text is not None and self.operation not in _TEXT_OPERATIONS:
            raise ValueError(f"operation {self.operation} takes no text")
        return self

    @property
    def changed_at(self) -> int:
        """When it happened, in microseconds since 1970 UTC."""
        return (self.occurred_at - _EPOCH) // timedelta(microseconds=1)

    @property
    def effective_version(self) -> int:
        """What decides which of two changes of one note is the newer."""
        return self.changed_at if self.version is None else self.version


def parse_change(body: str | bytes | dict[str, Any]) -> NoteChanged:
    """Read a message: bare, or inside SNS, EventBridge, a CloudEvent or a Pub/Sub push.

    Raises:
        InvalidChangeError: it is not JSON, or not what `NoteChanged` says; the error names the
            fields, never their contents.
    """
    message = unwrap_envelopes(body)
    try:
        return NoteChanged.model_validate(message)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'message'}:"
            f" {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise InvalidChangeError(f"not a NoteChanged message: {faults}") from None


if __name__ == "__main__":
    json.dump(NoteChanged.model_json_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
