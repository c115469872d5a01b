"""What the OpenAPI document says of `notes`: see `functions/http/documentation.py`."""

from functions.http.documentation import Operation
from functions.invalidate.documentation import EFFECT
from functions.notes.serializers import entity_tag, note_to_json, page_to_json
from shared.notes.note import Note

_NOTE = Note(
    user_id="ann",
    note_id="hebrews",
    title="Hebrews",
    text="Faith is being sure of what we hope for.",
    version=1_764_234_000_000_000,
    changed_at=1_764_234_000_000_000,
)

_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` of the only version of the note that may be changed.",
    "schema": {"type": "string"},
    "example": entity_tag(_NOTE),
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "`*` creates the note, and changes none that exists.",
    "schema": {"type": "string"},
}

OPERATIONS = {
    "GET /v1/notes": Operation(
        "listNotes",
        "notes",
        problems=(404, 422),
        response_examples={"last page": page_to_json([_NOTE], limit=50)},
    ),
    "GET /v1/notes/{note_id}": Operation(
        "getNote",
        "notes",
        problems=(404, 422),
        response_examples={"note": note_to_json(_NOTE)},
        headers=("ETag",),
    ),
    "PUT /v1/notes/{note_id}": Operation(
        "changeNote",
        "notes",
        problems=(400, 404, 409, 412, 413, 415, 422),
        request_examples={"note": {"title": _NOTE.title, "text": _NOTE.text}},
        response_examples={"effect": EFFECT},
        headers=("ETag",),
        parameters=(_IF_MATCH, _IF_NONE_MATCH),
    ),
    "DELETE /v1/notes/{note_id}": Operation(
        "deleteNote",
        "notes",
        problems=(404, 409, 412, 422),
        response_examples={"effect": EFFECT},
        parameters=(_IF_MATCH,),
    ),
    "DELETE /v1/users/me": Operation(
        "deleteCurrentUser",
        "notes",
        problems=(404, 409),
        response_examples={"effect": EFFECT},
    ),
}
