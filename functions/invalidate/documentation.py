"""What the OpenAPI document says of `invalidate`: see `functions/http/documentation.py`."""

from functions.http.documentation import Operation
from functions.invalidate.processing import serialize_effect
from shared.freshness import NoteChangeResult

EFFECT = serialize_effect(NoteChangeResult(stored=True, dropped=1, retained=41))
"""An example of the effect of a note change."""

_CHANGE = {
    "user_id": "u-42",
    "note_id": "hebrews",
    "operation": "updated",
    "occurred_at": "2026-11-23T08:00:00Z",
}
_TEXT = {"title": "Hebrews", "text": "Faith is being sure of what we hope for."}
_DELETED = {"user_id": "u-42", "operation": "user_deleted", "occurred_at": "2026-11-23T08:00:00Z"}

OPERATIONS = {
    "POST /v1/notes/changes": Operation(
        "applyNoteChange",
        "notes",
        problems=(413, 415, 422),
        scope="notes:write",
        request_examples={
            "changed in a store of yours": _CHANGE,
            "with its text": _CHANGE | _TEXT,
            "deleted user": _DELETED,
        },
        response_examples={"effect": EFFECT},
    ),
}
