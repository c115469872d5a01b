"""The message that a note changed, and the envelopes that it arrives in."""

import base64
import binascii
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from shared.errors import InvalidChangeError, InvalidRequestError
from shared.notes.storable import ID_CHARACTERS, require_id

MAX_TEXT = 1_000_000
_MAX_ENVELOPES = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _checked(name: str) -> AfterValidator:
    def check(value: str) -> str:
        try:
            require_id(name, value)
        except InvalidRequestError as error:
            raise ValueError(str(error)) from None
        return value

    return AfterValidator(check)


UserId = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS), _checked("user_id")]
NoteId = Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS), _checked("note_id")]


class Operation(StrEnum):
    """What happened to a note, or to all of a user's."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    USER_DELETED = "user_deleted"
    ALL_CHANGED = "all_changed"


OF_ONE_NOTE = frozenset({Operation.CREATED, Operation.UPDATED, Operation.DELETED})


class NoteChanged(BaseModel):
    """A note of a user was created, updated or deleted; or the user was, or all notes changed.

    With `text`, Tercet stores the note; without it, its owner has stored it already. `version`
    is a number that grows with each change of one note; where it is absent, `occurred_at` takes
    its place. Fields that are not named here are ignored.
    """

    model_config = ConfigDict(frozen=True, title="NoteChanged")

    schema_version: Literal[1] = 1
    user_id: UserId
    note_id: NoteId | None = None
    operation: Operation
    occurred_at: AwareDatetime
    version: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    title: Annotated[str, Field(max_length=1_000)] | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.operation in OF_ONE_NOTE and self.note_id is None:
            raise ValueError(f"operation {self.operation} needs a note_id")
        if self.text is not None and self.operation not in {Operation.CREATED, Operation.UPDATED}:
            raise ValueError(f"operation {self.operation} takes no text")
        return self

    @property
    def changed_at(self) -> int:
        """When it happened, in microseconds since 1970 UTC."""
        return int((self.occurred_at - _EPOCH).total_seconds() * 1_000_000)

    @property
    def order(self) -> int:
        """What decides which of two changes of one note is the newer."""
        return self.changed_at if self.version is None else self.version


def parse_change(body: str | bytes | dict[str, Any]) -> NoteChanged:
    """Read a message: bare, or inside SNS, EventBridge, a CloudEvent or a Pub/Sub push.

    Raises:
        InvalidChangeError: it is not JSON, or not what `NoteChanged` says; the error names the
            fields, never their contents.
    """
    message = _unwrap(_load(body))
    try:
        return NoteChanged.model_validate(message)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'message'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise InvalidChangeError(f"not a NoteChanged message: {faults}") from None


def _load(body: object) -> dict[str, Any]:
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidChangeError("the message is not JSON") from None
    if not isinstance(body, dict):
        raise InvalidChangeError("the message must be a JSON object")
    return body


def _unwrap(message: dict[str, Any]) -> dict[str, Any]:
    for _ in range(_MAX_ENVELOPES):
        inner = _inside(message)
        if inner is None:
            return message
        message = _load(inner)
    raise InvalidChangeError(f"the message is inside more than {_MAX_ENVELOPES} envelopes")


def _inside(message: dict[str, Any]) -> object | None:
    """Give what an envelope holds; None where this is none."""
    if message.get("Type") == "Notification" and "Message" in message:  # SNS
        return _present(message["Message"])
    if "detail-type" in message and "detail" in message:  # EventBridge
        return _present(message["detail"])
    if "specversion" in message:  # CloudEvents 1.0, structured
        if "data_base64" in message:
            return _from_base64(message["data_base64"])
        return _present(message.get("data"))
    pushed = message.get("message")
    if "subscription" in message and isinstance(pushed, dict):  # Pub/Sub push
        return _from_base64(pushed.get("data"))
    return None


def _present(content: object) -> object:
    if content is None:
        raise InvalidChangeError("the envelope is empty")
    return content


def _from_base64(content: object) -> bytes:
    try:
        return base64.b64decode(str(content), validate=True)
    except binascii.Error:
        raise InvalidChangeError("the envelope's data are not base64") from None
