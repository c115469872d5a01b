"""Merges the words of a number: "3" is "three", "third" is "3rd", "50k" is "50,000"."""

import re
from collections.abc import Sequence
from decimal import Decimal

from shared.text import word_set
from shared.text.numbers import NUMBER_WORDS, parse_number_words, parse_roman

Piece = str | tuple[str, str, str]
"""A word, or a text with its key and kind."""

_PLAIN = re.compile(r"-?\d+(?:\.\d+)?|-?\.\d+|-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SUFFIX = re.compile(r"(.*\d)(st|nd|rd|th|k|m|bn)")
_SUFFIX_VALUE = {"k": 10**3, "bn": 10**9}
_SCALE = {"hundred": 100, "thousand": 10**3, "lakh": 10**5, "million": 10**6, "crore": 10**7}
_SCALE |= {"billion": 10**9, "trillion": 10**12, "k": 10**3}
# "one" is mostly a pronoun or an article.
_NO_NUMBER = frozenset({"one"})
_HALF_DAYS = frozenset({"am", "pm"})
_ROMAN = word_set("ii iii iv vi vii viii ix xi xii xiii xiv xvi")


def merge_numbers(words: Sequence[str]) -> list[Piece]:
    """Replace the words of each number by one piece with its key."""
    pieces: list[Piece] = []
    at = 0
    while at < len(words):
        word = words[at]
        end, key = at + 1, ""
        if word[-1].isdigit() or word[0].isdigit() or word[0] == "-":
            key = _digits(word)
            if at + 1 < len(words) and words[at + 1] in _SCALE and _PLAIN.fullmatch(word):
                key, end = _text(_decimal(word) * _SCALE[words[at + 1]]), at + 2
            if end < len(words) and words[end] in _HALF_DAYS:
                key, end = f"{key} {words[end]}", end + 1
        elif word in _ROMAN:
            key = str(parse_roman(word))
        elif word in NUMBER_WORDS and word not in _NO_NUMBER:
            number = parse_number_words(words, at)
            if number:
                key, end = f"{number.value}{'th' * number.ordinal}", number.end
        elif word == "one" and at + 1 < len(words) and words[at + 1] in _SCALE:
            number = parse_number_words(words, at)
            if number:
                key, end = str(number.value), number.end
        pieces.append((" ".join(words[at:end]), key, "number") if key else word)
        at = end
    return pieces


def _digits(word: str) -> str:
    """Return the key of a number in digits. Other forms such as "5:30" are their own key.

    All digits count: Python 3.10 is not 3.1, PIN 0123 not 123, and "2.000" may be two thousand.
    """
    if word[0] == "\u00a7":
        return ""
    suffixed = _SUFFIX.fullmatch(word)
    if suffixed and suffixed[2] in _SUFFIX_VALUE and _PLAIN.fullmatch(suffixed[1]):
        return _text(_decimal(suffixed[1]) * _SUFFIX_VALUE[suffixed[2]])
    if suffixed and suffixed[2] != "m":  # metres or millions
        return f"{suffixed[1]}th"
    if not _PLAIN.fullmatch(word):
        return word
    sign = "-" * word.startswith("-")
    digits = word.lstrip("-").replace(",", "")
    return f"{sign}{'0' * digits.startswith('.')}{digits}"


def _decimal(word: str) -> Decimal:
    return Decimal(word.replace(",", ""))


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"
