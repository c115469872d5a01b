"""The canonical form of a question: its spelling without what carries no meaning.

These carry none: composed or decomposed characters (Unicode NFC), white space, invisible marks,
typographic variants of quotes, dashes and digits, sentence marks at the end, commas between words,
and the case of words that are the same word in lower case. Everything else remains.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import groupby

from shared.text.letter_case import END_MARKS, LETTER, fold_case, is_code

_VARIANTS = (
    dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")
    | dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2039\u203a\u02bc\u00b4\u2032"), "'")
    | dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"), '"')
    | dict.fromkeys(map(ord, "\u00bf\u00a1"), "")  # a question begins with them, or does not
    | {
        0x2026: "...",
        0x060C: ",",
        0x3001: ",",
        0x066B: ".",
        0x066C: ",",
        0x066A: "%",
        0xB5: "\u03bc",
    }
    | {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
)
# Without width and meaning. Joiners change a word in some scripts, so they remain.
_INVISIBLE = dict.fromkeys(
    (
        *(0xAD, 0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060),
        *(*range(0x2066, 0x206A), 0xFE0E, 0xFE0F, 0xFEFF),
    ),
    "",
)
_BLANKS = frozenset({"Cc", "Zl", "Zp", "Zs"})
_ASCII_BLANKS = dict.fromkeys((*range(32), 127), " ")
_MANY_MARKS = re.compile(r"[^\w\s]{30,}")

_BACKTICK = re.compile(rf"(?<={LETTER})`(?={LETTER})")
_DASHES = "\u2014\u2015"
_DASH_IN_PROSE = re.compile(rf"(?<={LETTER})[{_DASHES}]+(?={LETTER})")
_HYPHENS = dict.fromkeys(map(ord, _DASHES), "-")

_GREEK_QUESTION_MARK = re.compile(r"(?<=[\u0370-\u03ff\u1f00-\u1fff])\s*;$")
_OPERAND = re.compile(rf"(?:[^\w\s'\"]|[\d\u00b2\u00b3\u00b9\u2070-\u2089]|(?<!{LETTER}){LETTER})$")
"""What an exclamation mark is an operator after: a digit, bracket, symbol or single letter."""
_OPERATOR = re.compile(r"\s*!+")
_PATH = re.compile(r"\s?\.{1,2}(?!\.)")

_COMMA = re.compile(rf"(?<={LETTER}{{2}}),(?=\s(?:{LETTER}{{2}}|[AIai]\b))")
_BRACKET = re.compile(r"[()\[\]{}]")


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
        text = _DASH_IN_PROSE.sub(" - ", text).translate(_HYPHENS)
    text = " ".join(_BACKTICK.sub("'", text).split())
    return fold_case(_drop_commas(_drop_final_marks(text)))


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
    stem = text.rstrip(END_MARKS + " ")
    end = text[len(stem) :]
    if not stem:
        return text
    if stem.endswith("$") and end.startswith("?"):  # a variable of shells
        return stem + "?"
    if _OPERAND.search(stem[-2:]) and (operator := _OPERATOR.match(end)):
        return stem + operator[0]
    if end.startswith("!") and is_code(stem.rpartition(" ")[2]):  # ":wq!"
        return stem + "!"
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
