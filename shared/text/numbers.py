"""Parses numbers in digits, in words ("twenty-three", "third") and in Roman numerals ("xxiii")."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    " fifteen sixteen seventeen eighteen nineteen"
)
_UNIT_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
    " thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"

_CARDINAL = {word: value for value, word in enumerate(_UNITS.split())}
_CARDINAL |= {word: 20 + 10 * place for place, word in enumerate(_TENS.split())}
_ORDINAL = {word: value for value, word in enumerate(_UNIT_ORDINALS.split())}
_ORDINAL |= {word[:-1] + "ieth": value for word, value in _CARDINAL.items() if value >= 20}  # noqa: PLR2004
_SCALE = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12}

NUMBER_WORDS = frozenset({*_CARDINAL, *_ORDINAL, *_SCALE, *(f"{word}th" for word in _SCALE)})
"""Every word that can be part of a number."""

_DIGITS = re.compile(r"(\d{1,3})(st|nd|rd|th)?(?!\d|,\d{3}|%)", re.IGNORECASE)
# [a-z] with IGNORECASE would also match the Turkish \u0131 and the long s.
_LETTERS = re.compile(r"[a-zA-Z]+(?:[\s-]+[a-zA-Z]+){0,5}")
_WORD = re.compile(r"[a-z]+")
_SUBTRACTIVE = re.compile(
    r"(?=.)(?:c|cc|ccc|cd|d)?(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})", re.IGNORECASE | re.ASCII
)
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500}


class Number(NamedTuple):
    """A parsed number; `end` is the index after its last word or character."""

    value: int
    ordinal: bool
    end: int


def parse_number_words(words: Sequence[str], start: int = 0) -> Number | None:
    """Parse the longest number in lower-case words that begins at `words[start]`.

    "two hundred and five" is 205, "twenty third" the ordinal 23; "five six" is two numbers.
    """
    total = current = 0
    below = 10**15  # each part must be smaller than the scale that the part before it left open
    at, ordinal = start, False
    while at < len(words) and not ordinal:
        word = words[at]
        if word == "and" and at > start and words[at - 1] in _SCALE:
            following = words[at + 1] if at + 1 < len(words) else ""
            if following not in _CARDINAL and following not in _ORDINAL:
                break
            at += 1
            continue
        base = word.removesuffix("th")
        ordinal = word in _ORDINAL or (base in _SCALE and base != word)
        if base in _SCALE:
            current = max(current, 1) * _SCALE[base]
            below = _SCALE[base]
            if below > 100:  # noqa: PLR2004 - a hundred can be followed by "thousand"
                total, current = total + current, 0
        else:
            value = _CARDINAL.get(word, _ORDINAL.get(word))
            if value is None or value >= below:
                ordinal = False
                break
            current += value
            below = 10 if value >= 20 and value % 10 == 0 else 1  # noqa: PLR2004 - "twenty-"
        at += 1
    return Number(total + current, ordinal, at) if at > start else None


def parse_number_at(text: str, at: int = 0) -> Number | None:
    """Parse a number in words, in Roman numerals or of up to three digits, at the offset `at`.

    Its `end` is an offset in the text.
    """
    digits = _DIGITS.match(text, at)
    if digits:
        return Number(int(digits[1]), digits[2] is not None, digits.end())
    letters = _LETTERS.match(text, at)
    if not letters:
        return None
    words = list(_WORD.finditer(letters[0].lower()))
    number = parse_number_words([word[0] for word in words])
    if number:
        return number._replace(end=at + words[number.end - 1].end())
    value = parse_roman(words[0][0])
    return Number(value, False, at + words[0].end()) if value else None  # noqa: FBT003 - a field


def parse_roman(text: str) -> int | None:
    """Return the value of a Roman numeral below 900, in either case, or None."""
    if not _SUBTRACTIVE.fullmatch(text):
        return None
    values = [_ROMAN[letter] for letter in text.lower()]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )
