"""Change events of Debezium, as messages of note changes.

https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import ConfigurationError, InvalidChangeError

_FIELDS = ("user", "id", "title", "text", "tags")
_OPERATIONS = {"c": "created", "r": "updated", "u": "updated", "d": "deleted"}
_UNAVAILABLE = ("__debezium_unavailable_value", ["__debezium_unavailable_value"])
"""What stands for a long text, or a long array, that an update did not change."""

_NO_USER = (None, "", 0)
"""What an event has in place of a user that it lacks: 0 or "" if the column is NOT NULL."""

_EXAMPLE = "DEBEZIUM_COLUMNS=user=owner_id,id=id,title=title,text=body"
_FULL_IDENTITY = "run ALTER TABLE … REPLICA IDENTITY FULL, so that events have the former row"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_columns(text: str) -> dict[str, str]:
    """Parse DEBEZIUM_COLUMNS; return the column of each field, or nothing if it is empty.

    Raises:
        ConfigurationError: it has another form.
    """
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    columns = {field.strip(): column.strip() for field, _, column in pairs}
    is_valid = len(columns) == len(pairs) and all(columns.values()) and {*columns} <= {*_FIELDS}
    if pairs and not (is_valid and {"user", "id"} <= columns.keys()):
        raise ConfigurationError(
            f"DEBEZIUM_COLUMNS must name the columns of {', '.join(_FIELDS)}, of which user and id"
            f" are required: {_EXAMPLE}"
        )
    return columns


def find_event(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the change event that a message is, with or without its schema, or None.

    A tombstone, which follows a deletion, is an empty event.
    """
    if message.keys() == {"schema", "payload"}:
        if not message["payload"]:
            return {}
        message = message["payload"]
        if not isinstance(message, dict):
            return None
    is_event = isinstance(message.get("op"), str) and isinstance(message.get("source"), dict)
    return dict(message) if is_event else None


def event_to_messages(event: Mapping[str, Any], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the messages of a change event, at most two.

    A note that moved to another user or id is deleted there and created here. The position in
    PostgreSQL's log is the sequence: it has the order of the changes of a row.

    Args:
        event: as `find_event` returns it.
        columns: as `parse_columns` returns them.

    Raises:
        InvalidChangeError: the event does not identify a note or lacks a value.
    """
    if not event:
        return []
    if not columns:
        raise InvalidChangeError(f"change events of Debezium need {_EXAMPLE}, with your columns")
    op, before, after = event["op"], event.get("before") or {}, event.get("after") or {}
    if not (isinstance(before, dict) and isinstance(after, dict)):
        raise InvalidChangeError("before and after must be rows: JSON objects, or null")
    if op == "m":  # a message in the log of the database
        return []
    if op not in _OPERATIONS:
        raise InvalidChangeError(
            f"an event with op {op[:10]!r} names no note; the outbox reports truncated notes"
        )
    lacks_user = before.get(columns["user"]) in _NO_USER
    has_moved = bool(before) and before.get(columns["id"]) != after.get(columns["id"])
    if lacks_user and (op == "d" or has_moved):
        raise InvalidChangeError(f"the event lacks the user of the deleted note: {_FULL_IDENTITY}")
    common = {"schema_version": 1, **_order(event)}
    old, new = None if lacks_user else _key(before, columns), _key(after, columns)
    if after and columns["user"] not in after | before:
        raise InvalidChangeError(f"the row has no column {columns['user']} of DEBEZIUM_COLUMNS")
    messages = []
    if old and old != new:
        messages.append({**common, **old, "operation": "deleted"})
    if new:
        operation = "created" if old and old != new else _OPERATIONS[op]
        content = _content(before, after, columns)
        messages.append({**common, **new, "operation": operation, **content})
    return messages


def _key(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str] | None:
    """Return the ids of a note; None if the row has none, as an incomplete former row."""
    values = [row.get(columns[field]) for field in ("user", "id")]
    if row and columns["id"] not in row:
        raise InvalidChangeError(f"the row has no column {columns['id']} of DEBEZIUM_COLUMNS")
    if None in values:
        return None
    if not all(type(value) in (str, int) for value in values):
        raise InvalidChangeError("the columns of user and id must be texts or whole numbers")
    return {"user_id": str(values[0]), "note_id": str(values[1])}


def _content(
    before: Mapping[str, Any], after: Mapping[str, Any], columns: Mapping[str, str]
) -> dict[str, Any]:
    """Return title, text and tags, as far as `columns` names them."""
    content: dict[str, Any] = {}
    for field in columns.keys() - {"user", "id"}:
        column = columns[field]
        if column not in after:
            raise InvalidChangeError(f"the row has no column {column} of DEBEZIUM_COLUMNS")
        value = after[column]
        if value in _UNAVAILABLE:
            value = before.get(column, _UNAVAILABLE[0])
        if value in _UNAVAILABLE:
            raise InvalidChangeError(
                f"the event lacks the unchanged value of {column}: {_FULL_IDENTITY}"
            )
        content[field] = _tags(value) if field == "tags" else "" if value is None else str(value)
    return content


def _tags(value: Any) -> Any:
    """Return a list: PostgreSQL's JSON arrives as text."""
    if not isinstance(value, str):
        return value or []
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise InvalidChangeError("the column of tags must be an array, or JSON") from None


def _order(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return time and sequence; a database other than PostgreSQL has only the time."""
    source = event.get("source") or {}
    milliseconds = source.get("ts_ms") or event.get("ts_ms")
    if not isinstance(milliseconds, int):
        raise InvalidChangeError("the event has no time: source.ts_ms must be a number")
    try:
        occurred_at = (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat()
    except OverflowError:
        raise InvalidChangeError("source.ts_ms must be milliseconds since 1970") from None
    lsn = source.get("lsn")
    return {"occurred_at": occurred_at} | ({"sequence": lsn} if isinstance(lsn, int) else {})
