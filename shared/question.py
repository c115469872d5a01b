"""A question, brought into the one form that everything behind the door sees.

Two spellings of a question share one normal form, hence one embedding, one prompt and one
answer; so the answer to either is what the pipeline without a cache gives for both.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from typing import Self

from shared.errors import InvalidRequestError

MAX_CHARACTERS = 4_000
WHOLE_CHARACTERS = 500
"""Questions up to this length are taken whole; longer ones are cut to `CUT_WORDS` words."""
CUT_WORDS = 150
CUT_CHARACTERS = 2_000
"""No normal form is longer: what is more is cut, though it be one word.

13 characters for each of `CUT_WORDS`. A character may have a normal form of 18.
"""

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u0060\u00b4"), "'")

_SINGLED = _DASHES | _APOSTROPHES
_ASCII = {ord("`"): "'"} | dict.fromkeys((*range(32), 127), " ")

# What prose puts between and around words. Whatever may carry meaning (%, $, +, <, *, ...) stays.
_PROSE = re.escape(".,;:!?\"'()[]{}-\u00ab\u00bb\u201c\u201d\u201e\u2039\u203a\u2026\u00bf\u00a1")
_BETWEEN_DIGITS = re.compile(rf"(?<=\d)\s*([{_PROSE}])\s*(?=\d)")
_SIGN = re.compile(r"(?:(?<=\s)|^)-(?=\d)")
_WITHIN_WORD = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
_DROPPED = re.compile(rf"[{_PROSE}\s]+")
_MANY_MARKS = re.compile(r"[^\w\s]{30,}")

# Places in the private use area hold what must survive while the rest is dropped.
_KEPT_FIRST = 0xE000
_PRIVATE = re.compile("[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Question:
    """`asked` is the text taken from the caller; `normal` is its normal form."""

    asked: str
    normal: str
    truncated: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a caller's text.

        Raises:
            InvalidRequestError: it is empty, too long, not text, or says nothing.
        """
        if len(text) > MAX_CHARACTERS:
            raise InvalidRequestError(
                f"the question has {len(text):,} characters; at most {MAX_CHARACTERS:,} are taken"
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
    """Bring a text into its normal form; applied twice, it changes nothing more.

    Unicode NFKC and full case folding, one blank between words, no punctuation of prose. What
    separates digits survives ("john 3:16" is not "john 31:6"), as do a sign before a number, an
    apostrophe within a word ("we're" is not "were") and every symbol that is not punctuation.
    At most `CUT_CHARACTERS` are kept.

    Raises:
        InvalidRequestError: the text holds half of a surrogate pair, which is no character.
    """
    return _cut_form(text)[0]


def _cut_form(text: str) -> tuple[str, bool]:
    """The normal form, and whether it was cut."""
    if not text.isascii() and any(unicodedata.category(each) == "Cs" for each in set(text)):
        raise InvalidRequestError("the question holds a lone surrogate, which is not text")
    cut, before = False, None
    # Dropping a character can bring together what then composes or folds anew.
    while text != before:
        before, text = text, _normalise_once(text)
        cut = cut or len(text) > CUT_CHARACTERS
        text = text[:CUT_CHARACTERS]
    return text, cut


def _normalise_once(text: str) -> str:
    if text.isascii():
        text = text.casefold().translate(_ASCII)
    else:
        # Each different character is looked up once: 4,000 can become 72,000.
        text = text.translate({ord(each): _apart(each) for each in set(text)})
        text = unicodedata.normalize("NFKC", _MANY_MARKS.sub(_in_order, text)).casefold()
        text = unicodedata.normalize("NFKC", text).translate(_SINGLED)
        text = text.translate({ord(each): _visible(each) for each in set(text)})
        text = _PRIVATE.sub(" ", text)
    text = _BETWEEN_DIGITS.sub(lambda found: _keep(found[1]), text)
    text = _SIGN.sub(_keep("-"), text)
    text = _WITHIN_WORD.sub(_keep("'"), text)
    text = _DROPPED.sub(" ", text).strip()
    return _PRIVATE.sub(lambda found: chr(ord(found[0]) - _KEPT_FIRST), text)


def _apart(character: str) -> str:
    """Decompose; keep "x\u00b2" from becoming "x2", and "1\u00bd" from becoming "11/2"."""
    decomposition = unicodedata.decomposition(character)
    whole = unicodedata.normalize("NFKD", character)
    if decomposition.startswith("<super>"):
        return "^" + whole
    return " " + whole if decomposition.startswith("<fraction>") else whole


def _in_order(run: re.Match[str]) -> str:
    """Put the marks behind a character in canonical order, which is NFKC's own.

    `unicodedata` puts them in order by insertion: some thousands take it a tenth of a second.
    """
    parts = groupby(run[0], lambda each: unicodedata.combining(each) > 0)
    return "".join("".join(sorted(part, key=unicodedata.combining)) for _, part in parts)


def _visible(character: str) -> str:
    """Controls become blanks; what has no width (joiners, marks of direction) goes."""
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    return " " if category in {"Cc", "Cn", "Zl", "Zp", "Zs"} else character


def _keep(character: str) -> str:
    return chr(_KEPT_FIRST + ord(character))
