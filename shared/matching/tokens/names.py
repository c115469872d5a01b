"""Finds the names of a question by their capitals, in the wording as written."""

import re

from shared.text import word_set

_WORD = re.compile(r"[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_SENTENCE_START = re.compile(r"(?:^|(?<!\b[MDS]r)(?<!\bMrs)(?<!\bMs)[.!?:]\s|\n)[\s\"'(\[]*$")
_ROMAN = re.compile(r"[IVXLC]+")
_NO_NAMES = word_set(
    "I i'm i've i'd i'll ok january february march april may june july august september"
    " october november december jan feb mar apr jun jul aug sep sept oct nov dec"
)
_MIN_TITLE_CASE = 3


def find_names(wording: str) -> frozenset[str]:
    """Return the capitalized words inside sentences in lower case, and single letters as they are.

    Where most words have capitals, as in a title, they show no names.
    """
    inside = [
        found
        for found in _WORD.finditer(wording)
        if not _SENTENCE_START.search(wording, max(0, found.start() - 9), found.start())
    ]
    words = [found[0] for found in inside]
    names = [word for word in words if word[0].isupper() and not _ROMAN.fullmatch(word)]
    if len(names) >= _MIN_TITLE_CASE and 2 * len(names) > len(words):
        return frozenset()
    lower = (_POSSESSIVE.sub("", name.lower()) if len(name) > 1 else name for name in names)
    return frozenset(lower) - _NO_NAMES


def find_words(wording: str) -> frozenset[str]:
    """Return every word in lower case, without a possessive ending."""
    return frozenset(_POSSESSIVE.sub("", found[0].lower()) for found in _WORD.finditer(wording))
