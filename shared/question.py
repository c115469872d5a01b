"""A user's question and its identity.

The identity is the question's canonical form: its cache key and the text that is embedded.
Spellings with one identity count as one question. The model gets the wording.
"""

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from typing import Self

from shared.errors import InvalidRequestError
from shared.text import estimate_tokens
from shared.text.canonical_form import canonical_form

MAX_CHARACTERS = 4_000
EMBEDDED_TOKENS = 250
"""The most tokens of a question that are embedded, by `estimate_tokens`: MiniLM takes 256."""


@dataclass(frozen=True, slots=True)
class Request:
    """One user's question and how to answer it.

    `no_cache`: generate a new answer, which replaces the cached one. `no_store`: neither read nor
    write the cache. `exact`: refuse the answer to another question. `seconds`: the longest time
    that the answer may take; None is the default of the settings.
    """

    user_id: str
    query: str
    no_cache: bool = False
    no_store: bool = False
    exact: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A valid question.

    `wording` is the user's text and `identity` its canonical form. `embedded` is the beginning of
    the identity that the embedding model can take.
    """

    wording: str
    identity: str
    embedded: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Validate a user's text.

        Raises:
            InvalidRequestError: it is empty, too long, not valid Unicode, or without any letter
                or digit.
        """
        if len(text) > MAX_CHARACTERS:
            raise InvalidRequestError(
                f"the question has {len(text):,} characters; at most {MAX_CHARACTERS:,} are allowed"
            )
        if not text.isascii() and any(unicodedata.category(each) == "Cs" for each in set(text)):
            raise InvalidRequestError("the question holds a lone surrogate, which is not text")
        identity = canonical_form(text)
        if not any(map(str.isalnum, identity)):
            raise InvalidRequestError("the question must hold at least one letter or digit")
        return cls(text.strip(), identity, _cut(identity))

    @property
    def truncated(self) -> bool:
        """Whether only the beginning was embedded. Then no other question matches this one."""
        return self.embedded != self.identity


def is_truncated(wording: str) -> bool:
    """Return whether only the beginning of a cached question was embedded."""
    identity = canonical_form(wording)
    return _cut(identity) != identity


def _cut(text: str) -> str:
    """Return the beginning of a text that has at most `EMBEDDED_TOKENS` tokens."""
    if 2 * len(text) <= EMBEDDED_TOKENS or estimate_tokens(text) <= EMBEDDED_TOKENS:
        return text
    lengths = range(len(text))
    end = bisect_right(lengths, EMBEDDED_TOKENS, key=lambda length: estimate_tokens(text[:length]))
    return text[: end - 1]
