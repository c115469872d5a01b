"""Counts the tokens of an embedding model without its tokenizer.

The estimate is an upper one for WordPiece with BERT's English vocabulary of 30,000, which MiniLM
and most small models have. Multilingual vocabularies are larger and give fewer tokens.
"""

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from shared.text import word_set

SPECIAL_TOKENS = 2
"""[CLS] and [SEP], which the tokenizer adds to each text."""

_MAX_PER_CHARACTER = 3  # a Hangul syllable is decomposed
_PIECE = re.compile(r"[A-Za-z0-9]{1,24}|\S")
_COMMON = word_set(
    "the and that it you my with be are what how this not have from by or his they if can does"
    " your which there who when we our them their"
)
"""Common in English and, unlike "in" or "for", hardly in other languages."""
_NEAR = 5  # words; English prose has a common word among as many before and after each
_UNUSUAL = re.compile("[^aeiouy]{3,}|[aeiouy]{3,}|[jqxz0-9]", re.IGNORECASE)
_RATIO, _UNUSUAL_RATIO = 0.6, 0.95  # tokens a character, outside of English prose


class TokenCounts:
    """Estimates the tokens of each part of a text, without the special ones."""

    def __init__(self, text: str) -> None:
        self._starts = array("q")
        self._sums = array("d", [0.0])
        for start, cost in _piece_costs(text):
            self._starts.append(start)
            self._sums.append(self._sums[-1] + cost)

    def count(self, start: int, end: int) -> float:
        """Return the number of tokens that start in `text[start:end]`."""
        return self._sums[self._piece(end)] - self._sums[self._piece(start)]

    def fit(self, start: int, tokens: float) -> int | None:
        """Return the start of the first word part after `start` that does not fit into `tokens`.

        None: the rest of the text fits.
        """
        last = bisect_right(self._sums, self._sums[self._piece(start)] + tokens) - 1
        return self._starts[last] if last < len(self._starts) else None

    def _piece(self, offset: int) -> int:
        return bisect_left(self._starts, offset)


def estimate_wordpieces(text: str) -> float:
    """Return an upper estimate of the tokens of a text, without the special ones."""
    return sum(cost for _, cost in _piece_costs(text))


def embeddable_beginning(text: str, max_tokens: int) -> str:
    """Return the longest beginning of a text that has at most `max_tokens` by the estimate."""
    per_character = 1 if text.isascii() else _MAX_PER_CHARACTER
    if per_character * len(text) + SPECIAL_TOKENS <= max_tokens:
        return text
    tokens: float = SPECIAL_TOKENS
    for start, cost in _piece_costs(text):
        tokens += cost
        if tokens > max_tokens:
            return text[:start]
    return text


def _piece_costs(text: str) -> Iterator[tuple[int, float]]:
    """Yield the offset and the tokens of each word or character."""
    pieces = list(_PIECE.finditer(text))
    common = [each[0].lower() in _COMMON for each in pieces]
    for place, piece in enumerate(pieces):
        is_prose = any(common[max(0, place - _NEAR) : place + _NEAR + 1])
        yield piece.start(), _cost(piece[0], is_prose=is_prose)


def _cost(piece: str, *, is_prose: bool) -> float:
    if not (piece.isascii() and piece.isalnum()):
        decomposed = unicodedata.normalize("NFD", piece)
        return sum(unicodedata.category(each) != "Mn" for each in decomposed)
    unusual = len(_UNUSUAL.findall(piece))
    if is_prose and piece.isalpha():
        return 1 + max(0, len(piece) - 4) / 3 + unusual
    return max(1, len(piece) * (_UNUSUAL_RATIO if unusual else _RATIO))
