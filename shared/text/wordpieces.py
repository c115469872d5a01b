"""Cuts texts to what an embedding model can take, without its tokenizer.

The estimate is an upper one for WordPiece with BERT's English vocabulary of 30,000, which MiniLM
and most small models have. Multilingual vocabularies are larger and give fewer tokens.
"""

import re
import unicodedata

from shared.text import word_set

_SPECIAL_TOKENS = 2  # [CLS] and [SEP]
_MAX_PER_CHARACTER = 3  # a Hangul syllable is decomposed
_PIECE = re.compile(r"[A-Za-z0-9]+|\S")
_COMMON = word_set(
    "the of and to in a is that i it for you my with on be are what how do was as this not have"
    " from at by or an he his they if can does"
)
_NEAR = 3  # words; English prose has a common word among as many before and after each
_UNUSUAL = re.compile("[^aeiouy]{3,}|[aeiouy]{3,}|[jqxz0-9]", re.IGNORECASE)
_RATIO, _UNUSUAL_RATIO = 0.6, 0.95  # tokens a character, outside of English prose


def embeddable_beginning(text: str, max_tokens: int) -> str:
    """Return the longest beginning of a text that has at most `max_tokens` by the estimate."""
    per_character = 1 if text.isascii() else _MAX_PER_CHARACTER
    if per_character * len(text) + _SPECIAL_TOKENS <= max_tokens:
        return text
    pieces = list(_PIECE.finditer(text))
    common = [each[0].lower() in _COMMON for each in pieces]
    tokens: float = _SPECIAL_TOKENS
    for place, piece in enumerate(pieces):
        is_prose = any(common[max(0, place - _NEAR) : place + _NEAR + 1])
        tokens += _cost(piece[0], is_prose=is_prose)
        if tokens > max_tokens:
            return text[: piece.start()]
    return text


def _cost(piece: str, *, is_prose: bool) -> float:
    if not (piece.isascii() and piece.isalnum()):
        decomposed = unicodedata.normalize("NFD", piece)
        return sum(unicodedata.category(each) != "Mn" for each in decomposed)
    unusual = len(_UNUSUAL.findall(piece))
    if is_prose and piece.isalpha():
        return 1 + max(0, len(piece) - 4) / 3 + unusual
    return max(1, len(piece) * (_UNUSUAL_RATIO if unusual else _RATIO))
