"""Preconditions of a change: `If-Match` and `If-None-Match` (RFC 9110, section 13.1)."""

import re
from typing import TYPE_CHECKING

from functions.notes.serializers import entity_tag
from shared.errors import PreconditionFailedError

if TYPE_CHECKING:
    from starlette.requests import Request

    from shared.notes.note import Note

_ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"|\*')


def require_match(http: "Request", stored: "Note | None") -> None:
    """Check the preconditions against the stored note, None if there is none.

    Raises:
        PreconditionFailedError: one is not met.
    """
    tag = entity_tag(stored) if stored else None
    wanted, unwanted = _tags(http, "if-match"), _tags(http, "if-none-match")
    if wanted is not None and (tag is None or not {"*", tag} & wanted):
        raise PreconditionFailedError("the note has changed since it was read: read it again")
    if unwanted is not None and tag is not None and {"*", tag} & unwanted:
        raise PreconditionFailedError("the note exists: send If-Match to replace it")


def replaced_time(http: "Request", stored: "Note | None") -> int | None:
    """Return the time of the only version that the request may replace, as `NoteStore` takes it.

    0 is the absence of a note; None, without a precondition, is any version.
    """
    if _tags(http, "if-match") is None and _tags(http, "if-none-match") is None:
        return None
    return stored.changed_at if stored else 0


def _tags(http: "Request", name: str) -> set[str] | None:
    """Return the entity tags of a header; None without it. Weak tags never match."""
    values = http.headers.getlist(name)
    return set(_ENTITY_TAG.findall(",".join(values))) if values else None
