"""Tests of note change messages, their validation and their envelopes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from shared.errors import InvalidChangeError
from shared.notes.messages.note_changed import MAX_TEXT, NoteChanged, Operation, parse_change

TESTS = Path(__file__).resolve().parents[1]
PUBLISHED = TESTS.parent / "docs" / "note-changed.schema.json"
NOON = "2026-11-01T12:00:00Z"


def event(name: str) -> str:
    return (TESTS / "events" / f"{name}.json").read_text(encoding="utf-8")


def body(**changes: Any) -> str:
    """Return the bare message with changed fields; None removes a field."""
    fields = json.loads(event("bare")) | changes
    return json.dumps({name: value for name, value in fields.items() if value is not None})


@pytest.mark.parametrize(
    "name",
    [
        "bare",
        "sns",
        "eventbridge",
        "eventbridge_in_sns",
        "cloudevent",
        "cloudevent_base64",
        "pubsub_push",
    ],
)
def test_every_envelope_is_unwrapped_to_the_same_message(name: str) -> None:
    assert parse_change(event(name)) == NoteChanged(
        user_id="ann",
        note_id="hebrews-11",
        operation=Operation.UPDATED,
        occurred_at=datetime(2026, 11, 1, 10, tzinfo=UTC),
        version=7,
        title="Hebrews 11",
        text="Faith is the substance of things hoped for.",
    )


def test_body_can_be_text_bytes_or_a_dictionary() -> None:
    text = event("eventbridge_in_sns")
    assert parse_change(text) == parse_change(text.encode()) == parse_change(json.loads(text))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", "not JSON"),
        ('{"user_id": "ann"', "not JSON"),
        (b"\xff\xfe\xfa", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "one JSON object"),
        ("null", "one JSON object"),
        ('{"specversion": "1.0"}', "envelope is empty"),
        ('{"Type": "Notification", "Message": null}', "envelope is empty"),
        ('{"Type": "Notification", "Message": "hello"}', "not JSON"),
        ('{"message": {"attributes": {}}, "subscription": "s"}', "envelope is empty"),
        ('{"message": {"data": "é"}, "subscription": "s"}', "not base64"),
        ('{"specversion": "1.0", "data_base64": "a"}', "not base64"),
        (event("sns_subscription_confirmation"), "SubscribeURL"),
    ],
)
def test_body_without_a_message_is_rejected_with_a_reason(
    message: str | bytes, reason: str
) -> None:
    with pytest.raises(InvalidChangeError, match=reason):
        parse_change(message)


def test_too_many_envelopes_are_rejected() -> None:
    nested: dict[str, Any] = {"specversion": "1.0"}
    nested["data"] = nested
    with pytest.raises(InvalidChangeError, match="envelopes"):
        parse_change(nested)


MESSAGES = {
    "all fields": (body(), ""),
    "no text, stored by the caller": (body(text=None, title=None, version=None), ""),
    "an empty note": (body(text="", operation="created"), ""),
    "a deletion": (body(text=None, operation="deleted"), ""),
    "a user's deletion": (body(text=None, note_id=None, operation="user_deleted"), ""),
    "all notes changed": (body(text=None, note_id=None, operation="all_changed"), ""),
    "an unknown field": (body(colour="blue"), ""),
    "no user": (body(user_id=None), "user_id: Field required"),
    "an empty user": (body(user_id=""), "user_id: .* at least 1 character"),
    "a number for a user": (body(user_id=5), "user_id: .* valid string"),
    "a note id that is too long": (body(note_id="n" * 256), "note_id: .* at most 255 characters"),
    "an unknown operation": (body(operation="upserted"), "operation: .*'created', 'updated'"),
    "an unknown schema version": (body(schema_version=2), "schema_version: Input should be 1"),
    "no note id": (body(note_id=None), "operation updated needs a note_id"),
    "a deletion with a text": (body(operation="deleted"), "operation deleted must not have a text"),
    "a change of all notes with a text": (
        body(operation="all_changed"),
        "all_changed must not have a text",
    ),
    "a negative version": (body(version=-1), "version: .* greater than or equal to 0"),
    "a version that is too high": (body(version=2**63), "version: .* less than"),
    "a version as text": (body(version="7"), "version: .* valid integer"),
    "a text that is too long": (
        body(text="x" * (MAX_TEXT + 1)),
        "text: .* at most 1000000 characters",
    ),
    "tags": (body(tags=["Römer", "#hope", ""]), ""),
    "no tags": (body(tags=[]), ""),
    "a text for tags": (body(tags="romans"), "tags: .* valid list"),
    "a number for a tag": (body(tags=[5]), "tags.0: .* valid string"),
    "a tag that is too long": (body(tags=["x" * 101]), "tags.0: .* at most 100 characters"),
    "too many tags": (body(tags=["x"] * 101), "tags: .* at most 100 items"),
    "a time without an offset": (
        body(occurred_at="2026-11-01T12:00:00"),
        "occurred_at: .*timezone",
    ),
    "a time as a number": (body(occurred_at=1793534400), "such as 2026-11-01T10:00:00Z"),
    "a time as a number in text": (body(occurred_at="1793534400"), "such as 2026-11-01T10:00"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message_is_parsed_or_rejected_with_the_field_and_a_reason(name: str) -> None:
    message, reason = MESSAGES[name]
    if not reason:
        parse_change(message)
        return
    with pytest.raises(InvalidChangeError, match=reason):
        parse_change(message)


# JSON Schema validators do not have to check `format`.
@pytest.mark.parametrize("name", [name for name in MESSAGES if "time" not in name])
def test_published_schema_accepts_exactly_the_valid_messages(name: str) -> None:
    message, reason = MESSAGES[name]
    schema = jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text(encoding="utf-8")))
    assert schema.is_valid(json.loads(message)) == (not reason)


def test_published_schema_is_current() -> None:
    """`python -m shared.notes.messages.note_changed` prints the current schema."""
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == NoteChanged.model_json_schema()


def test_error_never_quotes_the_note() -> None:
    message = body(text="I have a secret" + "x" * MAX_TEXT, title=["another secret"], version="s3")
    with pytest.raises(InvalidChangeError) as caught:
        parse_change(message)
    assert "secret" not in str(caught.value)
    assert "s3" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_truncated_emoji_in_a_text_is_sanitized() -> None:
    change = parse_change(body(text="\ud83d and \0 on", title="cut \ud83d"))
    assert change.text == "\ufffd and  on"
    assert change.title == "cut \ufffd"


@pytest.mark.parametrize("user_id", ["a\ud83d", "a\0b"])
def test_id_with_invalid_characters_is_rejected(user_id: str) -> None:
    with pytest.raises(InvalidChangeError, match="user_id"):
        parse_change(body(user_id=user_id))


def test_effective_version_is_the_version_or_else_the_time() -> None:
    assert parse_change(body(version=7)).effective_version == 7
    without_version = parse_change(body(version=None))
    assert without_version.effective_version == without_version.changed_at == 1_793_527_200_000_000


def test_consecutive_microseconds_have_consecutive_versions() -> None:
    start = datetime(2026, 11, 1, 10, tzinfo=UTC)
    moments = [
        NoteChanged(
            user_id="ann",
            operation=Operation.ALL_CHANGED,
            occurred_at=start + timedelta(microseconds=n),
        ).changed_at
        for n in range(3000)
    ]
    assert moments == list(range(moments[0], moments[0] + 3000))


def test_offset_of_a_time_does_not_change_its_order() -> None:
    utc, offset = body(occurred_at=NOON), body(occurred_at="2026-11-01T13:00:00+01:00")
    assert parse_change(utc).changed_at == parse_change(offset).changed_at
