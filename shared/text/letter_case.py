"""Folds the case of words whose capitals carry no meaning.

These capitals carry meaning and remain: those of code, formulas, units after a number, acronyms,
words with capitals after the first letter (`getUser`), and names that are also words (`Turkey`).
Well-known spellings such as NASA or iPhone are the same word in lower case.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from shared.text import word_set
from shared.text.case_sensitive_words import (
    ABBREVIATIONS,
    CASE_INSENSITIVE_WORDS,
    CASE_SENSITIVE_WORDS,
    LONG_ACRONYMS,
    SYMBOLS,
    UNITS,
)

LETTER = r"[^\W\d_]"
END_MARKS = (
    "?!.\u3002\uff61\u061f\u06d4\u0964\u0965\u0589\u1362\u1367\u104b\u17d4"
    "\u203d\u2047\u2048\u2049\u203c"
)
"""Marks that end a sentence: ASCII, CJK, Arabic, Urdu, Devanagari, Armenian, Ethiopic, Burmese and
Khmer, and doubled ones."""

_WORD = re.compile(rf"{LETTER}+")
_PROSE_ENDS = "\"'([{)]},;:?!."
_JOINER = re.compile(r"(?<=\w)[-'](?=\w)")  # of two parts of a word
_CALL = re.compile(r"\w[(\[{]")
_TURKISH = re.compile("[\u0130\u0131\u011e\u011f\u015e\u015f]")
_VARIABLE = re.compile("[A-Z\u0130\u0391-\u03a9]")
_GREEK_WITH_LATIN = re.compile("[\u0391-\u03a9][a-z]")
_GENOTYPE = re.compile(r"([A-Z])(?!\1)(?i:\1)")  # "Bb"
_WORDS_OF_ONE_LETTER = frozenset("AI\u039f\u0397")  # also the Greek articles
_VOWEL = re.compile(
    "[aeiouy\u00e4\u00f6\u00fc\u0131"
    "\u0430\u0435\u0451\u0438\u043e\u0443\u044b\u044d\u044e\u044f\u0456\u0457\u0454"
    "\u03b1\u03b5\u03b7\u03b9\u03bf\u03c5\u03c9]"
)
_PATRONYMIC = re.compile("(?:Ma?c|Fitz)[A-Z][a-z]+")
_LETTER_AND_QUOTE = re.compile(rf"{LETTER}'")
_ELISION = re.compile(rf"'{LETTER}")
_NO_UNITS = word_set("AM PM Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec")
_TITLES = word_set("mr. mrs. ms. dr. prof. mr mrs dr herr frau")
_LETTER_WORDS = word_set("e-mail x-ray t-shirt u-turn e-book e-bike")
_ABBREVIATIONS = frozenset({"approx", "capt", "dept", "messrs", "prof"})
_MAX_FORMULA_LETTERS = 3
_MAX_ABBREVIATION = 3
_MAX_ACRONYM = 4
_MAX_SYMBOL = 2
_MIN_SENTENCE = 3


def fold_case(text: str) -> str:
    """Fold the case of each word whose capitals carry no meaning."""
    if text == text.lower():
        return text
    if _TURKISH.search(text):
        return _fold_words(text, _lower_turkish)
    return _fold_words(text, str.lower)


def _lower_turkish(word: str) -> str:
    return word.translate({0x49: "\u0131", 0x130: "i"}).lower()


def _fold_words(text: str, lower: Callable[[str], str]) -> str:
    chunks = text.split(" ")
    words = [chunk for chunk in chunks if _WORD.search(chunk)]
    is_sentence = len(words) >= _MIN_SENTENCE and all(map(_has_case, words))
    # Here capitals are a style of typing: the text carries no more than its lower case.
    is_shouted = is_sentence and text == text.upper()
    is_title = is_sentence and all(word != word.lower() for word in words)
    begins = len(chunks) > 1  # a single word begins no sentence
    for place, chunk in enumerate(chunks):
        if chunk != chunk.lower() and not is_code(chunk):
            around = chunks[place - 1] if place else "", "".join(chunks[place + 1 : place + 2])
            style = _Style(begins=begins, is_shouted=is_shouted, is_title=is_title)
            chunks[place] = _fold_chunk(chunk, around, lower, style)
        if begins or not chunk[-1].isalnum():
            begins = _ends_sentence(chunk) or (begins and not any(map(str.isalnum, chunk)))
    return " ".join(chunks)


def _has_case(text: str) -> bool:
    return text.lower() != text.upper()


class _Style(NamedTuple):
    """Whether a chunk begins a sentence, and whether the text is in capitals or in title case."""

    begins: bool
    is_shouted: bool
    is_title: bool


def _fold_chunk(
    chunk: str, around: tuple[str, str], lower: Callable[[str], str], style: _Style
) -> str:
    """Fold the words of one chunk.

    Args:
        chunk: a part of the text between two blanks.
        around: the chunks before and after it.
        lower: converts a word to lower case.
        style: of the text at this chunk.
    """
    has_number = any(map(str.isdigit, chunk + around[0][-1:]))
    core = chunk.strip(_PROSE_ENDS)
    is_variable = len(core) == 1 and any(map(is_code, around))
    is_operand = any("=" in each for each in around)
    is_surname = "-" in core or around[0].lower() in _TITLES
    first = next((place for place, each in enumerate(chunk) if each.isalpha()), 0)

    def fold(found: re.Match[str]) -> str:
        word, small = found[0], lower(found[0])
        if word == small or is_variable:
            return word
        before, after = chunk[max(0, found.start() - 2) : found.start()], chunk[found.end() :]
        is_elided = len(word) == 1 and (_LETTER_AND_QUOTE.match(before) or _ELISION.match(after))
        if is_elided or (style.is_shouted and len(word) > 1) or (has_number and word in _NO_UNITS):
            return small
        is_beside_digit = before[-1:].isdigit() or after[:1].isdigit()
        if is_beside_digit or (has_number and len(word) <= _MAX_FORMULA_LETTERS):
            return word
        is_capitalised = word[1:] == small[1:]
        if style.begins and found.start() == first and is_capitalised and small not in UNITS:
            return small
        if len(word) == 1:
            is_word = word in _WORDS_OF_ONE_LETTER and not (
                word == "A" and any(map(str.isdigit, around[0]))
            )
            keeps = not is_word and _VARIABLE.match(word) is not None
        elif is_capitalised:
            is_style = is_surname or (style.is_title and small in SYMBOLS)
            keeps = small in CASE_SENSITIVE_WORDS and not is_style
            keeps = keeps or _GENOTYPE.fullmatch(word) is not None
            keeps = keeps or is_operand or _GREEK_WITH_LATIN.match(word) is not None
        else:
            keeps = _keeps_capitals(word, small)
        return word if keeps else small

    is_same = _is_abbreviation(core) or core.lower().removesuffix("s") in _LETTER_WORDS
    return chunk.lower() if is_same else _WORD.sub(fold, chunk)


def _keeps_capitals(word: str, small: str) -> bool:
    """Return whether capitals after the first letter carry meaning: "IT", "LEDs", "getUser"."""
    if word[:-1].isupper() and word.endswith("s"):
        word, small = word[:-1], small[:-1]
    if small in CASE_INSENSITIVE_WORDS:
        return False
    if not word.isupper():
        return _PATRONYMIC.fullmatch(word) is None
    if len(word) > _MAX_ACRONYM:
        return small in UNITS or small in LONG_ACRONYMS
    return len(word) <= _MAX_SYMBOL or small in UNITS or _VOWEL.search(small) is not None


def is_code(chunk: str) -> bool:
    """Return whether a text without blanks is code or a part of a formula, not a word."""
    if chunk.startswith(("-", ".", "/", ":")) or _CALL.search(chunk):
        return True
    core = _JOINER.sub("", chunk.strip(_PROSE_ENDS))
    if core.isalnum() or not core or _is_abbreviation(core):
        return False
    return not all(each.isalnum() or unicodedata.combining(each) for each in core)


def _is_abbreviation(core: str) -> bool:
    """Return whether a text such as "U.S" or "CO2" is the same in lower case; "Co2" is not."""
    return core.lower() in ABBREVIATIONS and ("." in core or core.isupper())


def _ends_sentence(chunk: str) -> bool:
    """Return whether a chunk ends a sentence. "St." and "vs." do not."""
    core = chunk.rstrip("\"')]")
    if core.endswith("."):
        word = core.strip(_PROSE_ENDS)
        return len(word) > _MAX_ABBREVIATION and word.lower() not in _ABBREVIATIONS
    return core.endswith(tuple(END_MARKS))
