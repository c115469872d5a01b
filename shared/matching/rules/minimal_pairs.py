"""Rules for questions that differ in one place, by small words or by one letter of a word."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from shared.matching.rules.content_words import unmatched
from shared.matching.tokens.lexicon import (
    CONJUNCTIONS,
    FUNCTION_WORDS,
    PREPOSITIONS,
    have_same_role,
)
from shared.matching.tokens.tokenize import TokenizedQuestion
from shared.matching.tokens.typos import is_slip
from shared.text import by_word, word_set
from shared.text.english_words import is_english_word

_SMALL_WORDS = (FUNCTION_WORDS | PREPOSITIONS | CONJUNCTIONS) | word_set(
    """off out up down away back past apart together like unless despite although instead other
    everyone everybody everything something anything"""
)
_LIGHT = word_set(
    "| a an the s is are am was were be do does did done have has had having been there also so own"
    " any can could may might must shall should will would ought some one ones"
)
"""Words that other rules compare, or none: articles and auxiliaries."""
_OPTIONAL = word_set("in on at of to that which who whom those as my your our i you we")
"""Words that a rewording can add."""
_POSSESSIVES = word_set("my your our")
_SAME = by_word(
    "who whom",
    "someone somebody anyone anybody",
    "everyone everybody",
)
_RELATIVE = [word_set(pair) for pair in ("what which", "which that")]
_MAX_WORDS = 2


def check_function_words(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "What did I buy for Anna?" and "What did I buy with Anna?"."""
    one, other = cut_common(a.remainder, b.remainder)
    if max(len(one), len(other)) > _MAX_WORDS or not a.types & b.types:
        return None
    if not {*one, *other} <= _SMALL_WORDS:
        return None
    left, right = _significant(one), _significant(other)
    if len(left) == len(right) and all(map(_can_replace, left, right)):
        return None
    if not (left and right) and {*left, *right} <= _OPTIONAL:
        return None
    return f"function words: {' '.join(one) or 'none'} / {' '.join(other) or 'none'}"


def check_letters(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "chlorine" and "chloride", "human" and "humane": neither is a slip of the other."""
    pairs = list(_final_e(a, b)) + [pair[::-1] for pair in _final_e(b, a)]
    match unmatched(a, b):
        case [one], [other] if one.kind == other.kind == "word" and is_slip(one.text, other.text):
            pairs.append((one.text, other.text))
    for left, right in pairs:
        if is_english_word(left) and is_english_word(right):
            return f"letters: {left} / {right}"
    return None


def _final_e(a: TokenizedQuestion, b: TokenizedQuestion) -> Iterator[tuple[str, str]]:
    """Yield the words of one question alone that the other has with a final e.

    Their tokens match, because the stem of "create" has no final e.
    """
    one, other = ({token.text for token in question.tokens} for question in (a, b))
    yield from ((word, f"{word}e") for word in one - other if f"{word}e" in other - one)


def cut_common(a: Sequence[str], b: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Remove the words that both begin with, and those that both end with."""
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
    a, b = a[start:], b[start:]
    pairs = zip(reversed(a), reversed(b), strict=False)
    end = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return a[: len(a) - end], b[: len(b) - end]


def _can_replace(one: str, other: str) -> bool:
    return have_same_role(one, other) or {one, other} in _RELATIVE


def _significant(words: Sequence[str]) -> list[str]:
    return [_SAME.get(word, word) for word in words if word not in _LIGHT]
