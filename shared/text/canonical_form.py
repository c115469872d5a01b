"""The canonical form of a question: its spelling without what carries no meaning.

These carry none: composed or decomposed characters (Unicode NFC), white space, invisible marks,
typographic variants of quotes, dashes and digits, sentence marks at the end, commas between words,
and the case of words that are the same word in lower case. Everything else remains.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby

from shared.text.case_sensitive_words import (
    ACRONYMS,
    CASE_SENSITIVE_WORDS,
    EMPHASISED_WORDS,
    UNITS,
)

_VARIANTS = (
    dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
    | dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u02bc\u00b4\u2032"), "'")
    | dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"), '"')
    | dict.fromkeys(map(ord, "\u00bf\u00a1"), "")  # a question begins with them, or does not
    | {0x2026: "...", 0x060C: ",", 0x3001: ",", 0x066B: ".", 0x066C: ",", 0x066A: "%"}
    | {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
)
# Without width and meaning. Joiners change a word in some scripts, so they remain.
_INVISIBLE = dict.fromkeys(
    (0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF),
    "",
)
_BLANKS = frozenset({"Cc", "Zl", "Zp", "Zs"})
_ASCII_BLANKS = dict.fromkeys((*range(32), 127), " ")
_MANY_MARKS = re.compile(r"[^\w\s]{30,}")

_LETTER = r"[^\W\d_]"
_BACKTICK = re.compile(rf"(?<={_LETTER})`(?={_LETTER})")
_WORD = re.compile(rf"{_LETTER}+")

# In ASCII, CJK, Arabic, Urdu, Devanagari, Armenian, Ethiopic, Burmese and Khmer; and doubled ones.
_END_MARKS = (
    "?!.\u3002\uff61\u061f\u06d4\u0964\u0965\u0589\u1362\u1367\u104b\u17d4"
    "\u203d\u2047\u2048\u2049\u203c"
)
_GREEK_QUESTION_MARK = re.compile(r"(?<=[\u0370-\u03ff\u1f00-\u1fff])\s*;$")
_OPERAND = re.compile(rf"(?:[^\w\s'\"]|\d|(?<!{_LETTER}){_LETTER})$")
"""What an exclamation mark is an operator after: a digit, bracket, symbol or single letter."""
_OPERATOR = re.compile(r"\s*!+")
_PATH = re.compile(r"\s?\.{1,2}(?!\.)")

_COMMA = re.compile(rf"(?<={_LETTER}{{2}}),(?=\s(?:{_LETTER}{{2}}|[AIai]\b))")
_BRACKET = re.compile(r"[()\[\]{}]")

_PROSE_ENDS = "\"'([{)]},;:?!."
_JOINER = re.compile(r"(?<=\w)[-'/](?=\w)")  # of two parts of a word
_CALL = re.compile(r"\w[(\[{]")
_TURKISH = re.compile("[\u0130\u0131\u011e\u011f\u015e\u015f]")
_VARIABLE = re.compile(r"[A-Z\u0391-\u03a9]")
_WORDS_OF_ONE_LETTER = frozenset("AI\u039f\u0397")  # also the Greek articles
_ABBREVIATIONS = frozenset({"approx", "capt", "dept", "messrs", "prof"})
_MAX_FORMULA_LETTERS = 3
_MAX_ABBREVIATION = 3


@lru_cache(maxsize=256)
def canonical_form(text: str) -> str:
    """Return the canonical form of a text without lone surrogates. The function is idempotent."""
    before = None
    # Dropping a character can join others that then compose, or that are dropped in turn.
    while text != before:
        before, text = text, _canonicalise_once(text)
    return text


def _canonicalise_once(text: str) -> str:
    if text.isascii():
        text = text.translate(_ASCII_BLANKS)
    else:
        # A table of the distinct characters is faster than one of all characters.
        text = text.translate({ord(each): _to_plain(each) for each in set(text)})
        text = unicodedata.normalize("NFC", _MANY_MARKS.sub(_sort_marks, text))
    text = " ".join(_BACKTICK.sub("'", text).split())
    return _fold_case(_drop_commas(_drop_final_marks(text)))


def _to_plain(character: str) -> str:
    """Replace a typographic variant, a blank, an invisible mark or a digit; decompose the rest."""
    code, category = ord(character), unicodedata.category(character)
    if code in _INVISIBLE:
        return ""
    if code in _VARIANTS:
        return _VARIANTS[code]
    if category in _BLANKS:
        return " "
    if category == "Nd":
        return str(unicodedata.digit(character))
    return unicodedata.normalize("NFD", character)


def _sort_marks(run: re.Match[str]) -> str:
    """Sort the marks after a character in canonical order, as NFC does.

    `unicodedata` sorts by insertion, which takes 0.1 s for some thousands of marks.
    """
    parts = groupby(run[0], lambda each: unicodedata.combining(each) > 0)
    return "".join("".join(sorted(part, key=unicodedata.combining)) for _, part in parts)


def _drop_final_marks(text: str) -> str:
    """Drop the marks that end a sentence, but neither an operator ("5!") nor a path ("cd ..")."""
    text = _GREEK_QUESTION_MARK.sub("", text)
    stem = text.rstrip(_END_MARKS + " ")
    end = text[len(stem) :]
    if not stem:
        return text
    if _OPERAND.search(stem[-2:]) and (operator := _OPERATOR.match(end)):
        return stem + operator[0]
    if (end.startswith(" ") or stem.endswith(("/", "\\"))) and (path := _PATH.match(end)):
        return stem + path[0]
    return stem


def _drop_commas(text: str) -> str:
    """Drop commas between words, but none in brackets: "f(alpha, beta)"."""
    if ", " not in text:
        return text
    parts, depth, start = [], 0, 0
    for bracket in [*_BRACKET.finditer(text), None]:
        part = text[start : bracket.start()] if bracket else text[start:]
        parts.append(part if depth else _COMMA.sub("", part))
        if bracket:
            parts.append(bracket[0])
            depth = max(0, depth + (1 if bracket[0] in "([{" else -1))
            start = bracket.end()
    return "".join(parts)


def _fold_case(text: str) -> str:
    """Fold the case of each word whose capitals carry no meaning."""
    if text == text.lower():
        return text
    if _TURKISH.search(text):
        return _fold_words(text.replace("\u0130", "i"), _lower_turkish)
    return _fold_words(text, str.lower)


def _lower_turkish(word: str) -> str:
    return word.replace("I", "\u0131").lower()


def _fold_words(text: str, lower: Callable[[str], str]) -> str:
    chunks = text.split(" ")
    begins = len(chunks) > 1  # a single word begins no sentence
    for place, chunk in enumerate(chunks):
        if chunk != chunk.lower() and not _is_code(chunk):
            around = chunks[place - 1] if place else "", "".join(chunks[place + 1 : place + 2])
            chunks[place] = _fold_chunk(chunk, around, lower, begins=begins)
        if begins or not chunk[-1].isalnum():
            begins = _ends_sentence(chunk) or (begins and not any(map(str.isalnum, chunk)))
    return " ".join(chunks)


def _fold_chunk(
    chunk: str, around: tuple[str, str], lower: Callable[[str], str], *, begins: bool
) -> str:
    """Fold the words of one chunk.

    Args:
        chunk: a part of the text between two blanks.
        around: the chunks before and after it.
        lower: converts a word to lower case.
        begins: whether the first word begins a sentence.
    """
    has_digit = any(map(str.isdigit, chunk))
    core = chunk.strip(_PROSE_ENDS)
    first = next((place for place, each in enumerate(chunk) if each.isalpha()), 0)

    def fold(found: re.Match[str]) -> str:
        word, small = found[0], lower(found[0])
        if word == small or (has_digit and len(word) <= _MAX_FORMULA_LETTERS):
            return word
        if len(core) == 1 and any(map(_is_code, around)):
            return word
        is_capitalised = word[1:] == small[1:]
        if begins and found.start() == first and is_capitalised and small not in UNITS:
            return small
        if len(word) == 1:
            is_word = word in _WORDS_OF_ONE_LETTER and not (word == "A" and around[0].isdigit())
            return small if is_word or not _VARIABLE.match(word) else word
        if small in ACRONYMS and not is_capitalised:
            return word
        is_emphasis = word.isupper() and small in EMPHASISED_WORDS
        return word if small in CASE_SENSITIVE_WORDS and not is_emphasis else small

    return _WORD.sub(fold, chunk)


def _is_code(chunk: str) -> bool:
    """Return whether a text without blanks is code or a part of a formula, not a word."""
    if chunk.startswith(("-", ".", "/")) or _CALL.search(chunk):
        return True
    core = _JOINER.sub("", chunk.strip(_PROSE_ENDS))
    if core.isalnum() or not core:
        return False
    return not all(each.isalnum() or unicodedata.combining(each) for each in core)


def _ends_sentence(chunk: str) -> bool:
    """Return whether a chunk ends a sentence. "St." and "vs." do not."""
    core = chunk.rstrip("\"')]")
    if core.endswith("."):
        word = core.strip(_PROSE_ENDS)
        return len(word) > _MAX_ABBREVIATION and word.lower() not in _ABBREVIATIONS
    return core.endswith(tuple(_END_MARKS))
