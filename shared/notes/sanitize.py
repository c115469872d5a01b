"""What every store can hold: the one rule, applied before text and ids reach any of them.

PostgreSQL's text holds no NUL, and UTF-8 has no lone surrogates. In a text they mean nothing to
a reader and are mended; in an id, mending would make two ids one, so such an id is refused.
"""

import re

from shared.errors import InvalidRequestError

ID_CHARACTERS = 255
"""The most an id may have: two of them, in any script, fit one index entry of PostgreSQL."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def sanitize_text(text: str) -> str:
    """Leave out NUL, and put U+FFFD, the replacement character, for each lone surrogate."""
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\0" else "\ufffd", text)


def require_id(name: str, value: str) -> None:
    """Check an id of a user or a note; `name` says which, for the message.

    Raises:
        InvalidRequestError: it is empty, longer than `ID_CHARACTERS`, or holds what cannot be
            stored as it is.
    """
    if _UNSTORABLE.search(value):
        raise InvalidRequestError(f"{name} must be Unicode text without NUL or lone surrogates")
    if not 0 < len(value) <= ID_CHARACTERS:
        raise InvalidRequestError(
            f"{name} must have 1 to {ID_CHARACTERS} characters, not {len(value)}"
        )
