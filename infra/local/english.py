"""Recognises notes that an English embedding model cannot serve well."""

import re
from collections.abc import Iterable

from shared.matching.tokens.lexicon import FUNCTION_WORDS

_WORD = re.compile(r"[^\W\d_]+")
_MIN_SHARE = 0.12  # of the letters; English notes have at least 0.17, other languages at most 0.09
_MIN_LETTERS = 100


def is_mostly_english(texts: Iterable[str]) -> bool:
    """Whether English function words make up enough of the texts, or the texts are too short."""
    letters = function_letters = 0
    for text in texts:
        for word in _WORD.findall(text.lower()):
            letters += len(word)
            function_letters += len(word) * (word in FUNCTION_WORDS)
    return letters < _MIN_LETTERS or function_letters >= _MIN_SHARE * letters
