"""Finds what words do not show: symbols of code and formulas, and the capitals of each word."""

import re
from collections import defaultdict

_LETTER = r"[^\W\d_]"
_MARKS = re.compile(
    rf"(?<![^\s\"'(\[])(?:\.|-+)(?={_LETTER})\w+"  # .NET, -rf, --force
    rf"|(?<=[\d)\]}}])\s?!+|(?<=[^\w\s.,?!\"'])!+|(?<!{_LETTER}){_LETTER}!+|!(?=[=\w(])"  # 5!, !=
    rf"|(?<!{_LETTER}){_LETTER}'+(?!{_LETTER})"  # f'(x)
    r"|(?<=\d) - (?=[\d(])|(?<=\b\w) - (?=\w\b)"
    rf"|(?<!\w)\w*_\w*|(?<={_LETTER})\.{_LETTER}\w*|::|\?[?.:]|\.\."  # a_b, node.js, a?.b
    r"|(?<=\d)[a-e]\b"  # verse 5a
    r"|\+\+\w+"  # ++i
    r"|\|+|&&+|(?<!\S)&(?=\w)|(?<=\d)['\"]+|(?<=\s)\?(?=\s)"
)
_FORMULA = re.compile(
    r"[\w'][(\[{]|[)\]}]\w|[(\[{]\s*[)\]}]|[(\[{][^)\]}]{0,200}[\d+*/^=<>|\\~_]"
    r"|[)\]}]\s*[-+*/^=<>|!]|[-+*/^=<>|!]\s*[(\[{]"
)
_FORMULA_PART = re.compile(
    rf"\d+(?:[.,:]\d+)*|[^\w\s\"'`;:?.]|\.(?=\d)|'(?!{_LETTER})|(?<!{_LETTER})[^\W\d_aiAI](?!{_LETTER})"
)
_WORD = re.compile(rf"{_LETTER}+")


def find_symbols(text: str) -> tuple[str, ...]:
    """Return the symbols of a canonical form that carry meaning, in order.

    A text with brackets of a formula or of code has all its numbers and symbols: only their order
    distinguishes "(2 + 3) * 4" from "2 + (3 * 4)".
    """
    marks = tuple(found.strip() for found in _MARKS.findall(text))
    return marks + tuple(_FORMULA_PART.findall(text)) if _FORMULA.search(text) else marks


def find_spellings(text: str) -> dict[str, frozenset[str]]:
    """Return the spellings of each word of a canonical form, by its lower-case form."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for word in _WORD.findall(text):
        spellings[word.lower()].add(word)
    return {word: frozenset(found) for word, found in spellings.items()}
