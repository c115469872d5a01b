"""Change events of Debezium are note changes."""

import json
from typing import Any

import pytest

from shared.errors import ConfigurationError, InvalidChangeError
from shared.notes.messages.debezium import parse_columns
from shared.notes.messages.note_changed import NoteChanged, parse_changes

COLUMNS = parse_columns("user=owner_id, id=id, title=title, text=body")
ROW = {"id": 7, "owner_id": "ann", "title": "Title", "body": "Text", "views": 3}
UNAVAILABLE = "__debezium_unavailable_value"


def event(op: str, before: Any, after: Any, **source: Any) -> dict[str, Any]:
    source = {"connector": "postgresql", "ts_ms": 1_793_527_200_000, "lsn": 24_023_128} | source
    return {
        "before": before,
        "after": after,
        "source": source,
        "op": op,
        "ts_ms": 1_793_527_201_000,
    }


def brief(changes: list[NoteChanged]) -> list[tuple[str, str, str | None, str | None]]:
    return [(c.operation.value, c.user_id, c.note_id, c.text) for c in changes]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (event("c", None, ROW), [("created", "ann", "7", "Text")]),
        (event("r", None, ROW), [("updated", "ann", "7", "Text")]),
        (event("u", None, ROW), [("updated", "ann", "7", "Text")]),
        (event("u", ROW, ROW | {"body": None}), [("updated", "ann", "7", "")]),
        (event("u", {"id": 7, "owner_id": None}, ROW), [("updated", "ann", "7", "Text")]),
        (event("u", {"id": 7, "owner_id": 0}, ROW), [("updated", "ann", "7", "Text")]),
        (event("d", ROW, None), [("deleted", "ann", "7", None)]),
        (
            event("u", ROW, ROW | {"owner_id": "bob"}),
            [("deleted", "ann", "7", None), ("created", "bob", "7", "Text")],
        ),
        (
            event("u", ROW, ROW | {"id": 8}),
            [("deleted", "ann", "7", None), ("created", "ann", "8", "Text")],
        ),
        (event("u", ROW, ROW | {"owner_id": None}), [("deleted", "ann", "7", None)]),
        (event("c", None, ROW | {"owner_id": None}), []),
        (event("u", ROW, ROW | {"body": UNAVAILABLE}), [("updated", "ann", "7", "Text")]),
        (event("m", None, None), []),
    ],
)
def test_event_is_the_changes_of_its_rows(change: dict[str, Any], expected: object) -> None:
    wrapped = {"schema": {"type": "struct"}, "payload": change}
    cloud = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": change}
    for body in (change, wrapped, cloud, json.dumps(wrapped), json.dumps(change).encode()):
        assert brief(parse_changes(body, COLUMNS)) == expected


def test_position_in_the_log_is_the_sequence_and_the_time_is_the_databases() -> None:
    (change,) = parse_changes(event("c", None, ROW), COLUMNS)
    assert (change.sequence, change.changed_at) == (24_023_128, 1_793_527_200_000_000)
    (mysql,) = parse_changes(event("c", None, ROW, lsn=None, ts_ms=0), COLUMNS)
    assert (mysql.sequence, mysql.changed_at) == (None, 1_793_527_201_000_000)


@pytest.mark.parametrize("tombstone", [None, "null", b"", {"schema": None, "payload": None}])
def test_tombstone_is_no_change(tombstone: Any) -> None:
    assert parse_changes(tombstone, COLUMNS) == []


def test_message_that_is_no_event_is_parsed_as_before() -> None:
    message = {"user_id": "ann", "operation": "all_changed", "occurred_at": "2026-11-01T10:00:00Z"}
    assert brief(parse_changes(message, COLUMNS)) == [("all_changed", "ann", None, None)]
    assert brief(parse_changes(message, {})) == [("all_changed", "ann", None, None)]
    with pytest.raises(InvalidChangeError, match="one JSON object"):
        parse_changes("null", {})


def test_columns_can_omit_the_text_and_name_tags() -> None:
    without = parse_columns("user=owner_id,id=id")
    assert brief(parse_changes(event("u", None, ROW), without)) == [("updated", "ann", "7", None)]


def test_tags_that_an_update_did_not_change_are_those_of_the_former_row() -> None:
    columns = parse_columns("user=owner_id,id=id,title=title,text=body,tags=labels")
    row = ROW | {"labels": [UNAVAILABLE]}
    (change,) = parse_changes(event("u", ROW | {"labels": ["a", "b"]}, row), columns)
    assert change.tags == ["a", "b"]
    for before in (None, row):
        with pytest.raises(InvalidChangeError, match="unchanged value of labels"):
            parse_changes(event("u", before, row), columns)


@pytest.mark.parametrize("tags", ["a,b", "[" * 100_000], ids=["no JSON", "too deep"])
def test_tags_that_are_no_json_are_refused(tags: str) -> None:
    columns = parse_columns("user=owner_id,id=id,tags=labels")
    with pytest.raises(InvalidChangeError, match="an array, or JSON"):
        parse_changes(event("c", None, ROW | {"labels": tags}), columns)


def test_long_title_is_cut() -> None:
    (change,) = parse_changes(event("c", None, ROW | {"title": "t" * 2_000}), COLUMNS)
    assert len(change.title or "") == 1_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (event("d", {"id": 7}, None), "REPLICA IDENTITY FULL"),
        (event("d", None, None), "REPLICA IDENTITY FULL"),
        # NOT NULL columns that are not in the event: JdbcValueConverters.convertValue of Debezium.
        (event("d", {"id": 7, "owner_id": 0, "title": "", "body": ""}, None), "IDENTITY FULL"),
        (event("d", {"id": 7, "owner_id": "", "title": "", "body": ""}, None), "IDENTITY FULL"),
        (event("u", {"id": 6, "owner_id": 0, "title": "", "body": ""}, ROW), "IDENTITY FULL"),
        (event("u", {"id": 6, "owner_id": None}, ROW), "IDENTITY FULL"),
        (event("u", "row", ROW), "must be rows"),
        (event("c", None, [ROW]), "must be rows"),
        (event("c", None, ROW | {"id": True}), "texts or whole numbers"),
        (event("u", None, ROW | {"body": UNAVAILABLE}), "unchanged value of body"),
        (event("t", None, None), "names no note"),
        (event("c", None, {"id": 7}), "no column owner_id"),
        (event("c", None, {"owner_id": "ann"}), "no column id"),
        (event("c", None, {"id": 7, "owner_id": "ann"}), "no column (title|body)"),
        (event("c", None, ROW | {"id": {"a": 1}}), "texts or whole numbers"),
        (event("c", None, ROW) | {"source": {}, "ts_ms": None}, "no time"),
        (event("c", None, ROW, ts_ms=10**30), "milliseconds since 1970"),
        (event("c", None, ROW | {"owner_id": "x" * 300}), "user_id"),
        ({"schema": {}, "payload": [1]}, "user_id"),
        ({"schema": {}, "payload": {"status": "BEGIN", "id": "571", "ts_ms": 1}}, "user_id"),
    ],
)
def test_event_that_is_no_change_is_refused_with_the_reason(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidChangeError, match=reason) as caught:
        parse_changes(change, COLUMNS)
    assert "Text" not in str(caught.value)


def test_event_without_the_setting_is_refused_and_names_it() -> None:
    with pytest.raises(InvalidChangeError, match="DEBEZIUM_COLUMNS=user=owner_id"):
        parse_changes(event("c", None, ROW), {})


@pytest.mark.parametrize("text", ["user=a", "owner", "user=a,id=", "user=a,id=b,colour=c", "a=b"])
def test_invalid_columns_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="DEBEZIUM_COLUMNS must name"):
        parse_columns(text)
