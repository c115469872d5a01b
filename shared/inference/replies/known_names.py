"""Recognises error codes and finish reasons, which logs and responses may show.

Any other text of a model host may repeat a question, a note or the token, in any encoding.
"""

import re
from typing import Any

from shared.text import word_set

_NAME = re.compile(r"[a-z]+(?:[_. -]?[a-z]+){0,9}", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORDS = word_set(
    "abort aborted access account api argument auth authentication authorization available bad"
    " balance batch billing blocked blocklist busy call calls cancelled capacity chat completed"
    " complete content context credential credentials credit credits data deadline denied"
    " deployment detected done end engine eos error exceeded exception exhausted expired fail"
    " failed failure field filter filtered finish finished forbidden found function gateway"
    " generation guardrail inference inspection insufficient internal invalid key length limit"
    " limited limits loading long malformed many max maximum message method missing model"
    " moderation no not of operation other overloaded parameter payment permission policy"
    " processing prohibited prompt provider quota rate reached recitation refusal refused request"
    " requests required resource responsible safety sequence server service spii size state status"
    " stop string supported system throttled throttling time timeout token tokens too tool turn"
    " type unauthenticated unauthorized unavailable unhealthy unknown unprocessable unsupported"
    " upstream user validation value violation"
)
_MAX_CHARACTERS = 64


def known_name(value: Any) -> str:
    """Return a name such as `rate_limit_exceeded` or `RateLimit`; empty if a word is unknown."""
    if not isinstance(value, str) or len(value) > _MAX_CHARACTERS or not _NAME.fullmatch(value):
        return ""
    return value if all(word.lower() in _WORDS for word in _WORD.findall(value)) else ""
