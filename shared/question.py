"""A user's question and its normal form.

Spellings of one question share one normal form, hence one cache key, one embedding and one answer.
So the cached answer is what the pipeline without a cache generates for each of them.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from typing import Self

from shared.errors import InvalidRequestError

MAX_CHARACTERS = 4_000
WHOLE_CHARACTERS = 500
"""Longer questions are cut to `CUT_WORDS` words."""
CUT_WORDS = 150
CUT_CHARACTERS = 2_000
"""Maximum length of a normal form: 13 characters for each of `CUT_WORDS`.

One character can have a normal form of 18.
"""

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u0060\u00b4"), "'")

_SINGLED = _DASHES | _APOSTROPHES
_ASCII = {ord("`"): "'"} | dict.fromkeys((*range(32), 127), " ")

# Punctuation of prose is dropped; symbols that may carry meaning (%, $, +, <, *, ...) are not.
_PROSE = re.escape(".,;:!?\"'()[]{}-\u00ab\u00bb\u201c\u201d\u201e\u2039\u203a\u2026\u00bf\u00a1")
_BETWEEN_DIGITS = re.compile(rf"(?<=\d)\s*([{_PROSE}])\s*(?=\d)")
_SIGN = re.compile(r"(?:(?<=\s)|^)-(?=\d)")
_WITHIN_WORD = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_DROPPED = re.compile(rf"[{_PROSE}\s]+")
_MANY_MARKS = re.compile(r"[^\w\s]{30,}")

# Punctuation that must survive is moved to the private use area while the rest is dropped.
_PRIVATE_FIRST = 0xE000
_PRIVATE = re.compile("[\ue000-\uf8ff]")


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
    """`asked` is the user's text, perhaps cut (`truncated`); `normal` is its normal form."""

    asked: str
    normal: str
    truncated: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Validate and normalise a user's text.

        Raises:
            InvalidRequestError: it is empty, too long, not valid Unicode, or without any letter
                or digit.
        """
        if len(text) > MAX_CHARACTERS:
            raise InvalidRequestError(
                f"the question has {len(text):,} characters; at most {MAX_CHARACTERS:,} are allowed"
            )
        asked = text.strip()
        truncated = len(asked) > WHOLE_CHARACTERS
        if truncated:
            asked = " ".join(asked.split()[:CUT_WORDS])
        normal, cut = _cut_form(asked)
        if not any(character.isalnum() for character in normal):
            raise InvalidRequestError("the question must hold at least one letter or digit")
        return cls(asked, normal, truncated or cut)


def normalise(text: str) -> str:
    """Return the normal form of a text. The function is idempotent.

    Unicode NFKC and full case folding, one blank between words, no punctuation of prose. Three
    kinds of punctuation remain: between digits ("john 3:16" is not "john 31:6"), a sign before a
    number, and an apostrophe within a word ("we're" is not "were"). The result has at most
    `CUT_CHARACTERS` characters.

    Raises:
        InvalidRequestError: the text holds a lone surrogate, which is not a character.
    """
    return _cut_form(text)[0]


def _cut_form(text: str) -> tuple[str, bool]:
    """Return the normal form, and whether it was cut."""
    if not text.isascii() and any(unicodedata.category(each) == "Cs" for each in set(text)):
        raise InvalidRequestError("the question holds a lone surrogate, which is not text")
    cut, before = False, None
    # Dropping a character can join others that then compose or fold again.
    while text != before:
        before, text = text, _normalise_once(text)
        cut = cut or len(text) > CUT_CHARACTERS
        text = text[:CUT_CHARACTERS]
    return text, cut


def _normalise_once(text: str) -> str:
    if text.isascii():
        text = text.casefold().translate(_ASCII)
    else:
        # A table per distinct character is faster: 4,000 characters can become 72,000.
        text = text.translate({ord(each): _decompose(each) for each in set(text)})
        text = unicodedata.normalize("NFKC", _MANY_MARKS.sub(_sort_marks, text)).casefold()
        text = unicodedata.normalize("NFKC", text).translate(_SINGLED)
        text = text.translate({ord(each): _to_visible(each) for each in set(text)})
        text = _PRIVATE.sub(" ", text)
    text = _BETWEEN_DIGITS.sub(lambda found: _protect(found[1]), text)
    text = _SIGN.sub(_protect("-"), text)
    text = _WITHIN_WORD.sub(_protect("'"), text)
    text = _DROPPED.sub(" ", text).strip()
    return _PRIVATE.sub(lambda found: chr(ord(found[0]) - _PRIVATE_FIRST), text)


def _decompose(character: str) -> str:
    """Decompose a character, so that "x\u00b2" is not "x2" and "1\u00bd" is not "11/2"."""
    decomposition = unicodedata.decomposition(character)
    whole = unicodedata.normalize("NFKD", character)
    if decomposition.startswith("<super>"):
        return "^" + whole
    return " " + whole if decomposition.startswith("<fraction>") else whole


def _sort_marks(run: re.Match[str]) -> str:
    """Sort the marks after a character in canonical order, as NFKC does.

    `unicodedata` sorts by insertion, which takes 0.1 s for some thousands of marks.
    """
    parts = groupby(run[0], lambda each: unicodedata.combining(each) > 0)
    return "".join("".join(sorted(part, key=unicodedata.combining)) for _, part in parts)


def _to_visible(character: str) -> str:
    """Replace a control character with a blank, and a character without width with nothing."""
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    return " " if category in {"Cc", "Cn", "Zl", "Zp", "Zs"} else character


def _protect(character: str) -> str:
    return chr(_PRIVATE_FIRST + ord(character))
