"""Makes texts and ids fit for every note store.

PostgreSQL cannot store NUL, and UTF-8 cannot encode lone surrogates. Texts are sanitized. Ids are
rejected, because sanitizing could make two ids equal.
"""

import re

from shared.errors import InvalidRequestError

ID_CHARACTERS = 255
"""The maximum length of an id: two of them, in any script, fit one index entry of PostgreSQL."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def sanitize_text(text: str) -> str:
    """Remove NUL, and replace each lone surrogate by U+FFFD, the replacement character."""
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\0" else "\ufffd", text)


def normalize_newlines(text: str) -> str:
    """End each line with a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def require_id(name: str, value: str) -> None:
    """Check the id of a user or a note; `name` is the field's name for the error message.

    Raises:
        InvalidRequestError: the id is empty, longer than `ID_CHARACTERS`, or has characters that
            cannot be stored.
    """
    if _UNSTORABLE.search(value):
        raise InvalidRequestError(f"{name} must be Unicode text without NUL or lone surrogates")
    if not 0 < len(value) <= ID_CHARACTERS:
        raise InvalidRequestError(
            f"{name} must have 1 to {ID_CHARACTERS} characters, not {len(value)}"
        )
