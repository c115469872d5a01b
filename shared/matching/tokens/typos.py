"""Recognizes typing slips: one letter wrong, missing, added or swapped with the next."""

import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from itertools import filterfalse

from shared.matching.tokens.noise import find_plain_words
from shared.text.english_words import is_english_word

_WORD = re.compile(r"\b[a-z]{3,}\b(?!['\u2019])")  # "didnt" is no slip of the "didn" of "didn't"
MAX_SLIPS = 2
_SHORT = 3
_LONG, _SIMILAR = 7, 0.85
"""Letters of a long word, and the least share of them that two words must have in common."""


def correct_typos(a: str, b: str, knows: Callable[[str], bool]) -> tuple[str, str]:
    """Replace slips in two texts by the word of the other text that was meant.

    A slip is no word and has no capital: "leek" is not a slip of "leak", nor "Simone" of "Simon".
    `knows` says whether a word is in the vocabulary of the pair model.
    """
    one, other = set(_WORD.findall(a)), set(_WORD.findall(b))
    return _correct(a, one - other, other - one, knows), _correct(
        b, other - one, one - other, knows
    )


def is_respelled(question: str, other: str) -> bool:
    """Return whether two texts have the same words but for noise and slips.

    A slip moves an embedding far away, so these can have any cosine.
    """
    one, words = find_plain_words(question), find_plain_words(other)
    left, right = one - words, words - one
    return len(left) == len(right) <= MAX_SLIPS and all(
        any(is_slip(word, meant) for meant in right) for word in left
    )


def _correct(
    text: str, words: Iterable[str], others: Iterable[str], knows: Callable[[str], bool]
) -> str:
    def is_word(text: str) -> bool:
        return knows(text) or is_english_word(text)

    for word in filterfalse(is_word, words):
        near = (other for other in others if other[0] in word[:2] and _is_misspelt(word, other))
        meant = list(filter(is_word, near))
        if len(meant) == 1:
            text = re.sub(rf"\b{word}\b", meant[0], text)
    return text


def _is_misspelt(word: str, other: str) -> bool:
    """Whether a word differs from another one by one slip, or a long one by two or so.

    A slip in three letters only swaps two of them: "kye".
    """
    if is_slip(word, other):
        return len(word) > _SHORT or sorted(word) == sorted(other)
    is_long = min(len(word), len(other)) >= _LONG
    return is_long and SequenceMatcher(None, word, other).ratio() >= _SIMILAR


def is_slip(one: str, other: str) -> bool:
    """Return whether two words differ by one slip, and not by a final "s"."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    start = next((n for n, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), len(one))
    if len(one) < len(other):
        if other == one + "s":
            return False  # an inflection
        return one[start:] == other[start + 1 :]
    rest, swapped = one[start:], other[start : start + 2][::-1] + other[start + 2 :]
    return rest[1:] == other[start + 1 :] or rest == swapped
