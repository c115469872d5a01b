"""Rule for modals, which say what is possible, allowed or necessary."""

from collections.abc import Iterator
from itertools import pairwise

from shared.matching.rules.content_words import unmatched
from shared.matching.tokens.dates import BEFORE_MONTH
from shared.matching.tokens.lexicon import FUNCTION_WORDS, SUBJECTS
from shared.matching.tokens.tokenize import TokenizedQuestion
from shared.text import by_word, word_set

_MODALS = by_word(
    "can could possible ok okay",
    "may",
    "able capable",
    "allowed permitted",
    "willing ready",
    "must need needs needed required have-to obliged forced",
    "should ought shall supposed",
    "will going-to",
    "might",
    "would",
)
_OPTIONAL_MODALS = frozenset({"can", "should", "able", "allowed"})
_CAN = ({"can", "able"}, {"can", "allowed"}, {"may", "allowed"})
"""Modals of the same meaning; of "may" and "can" only where a person asks for permission."""
_BE = frozenset({"is", "are", "am"})
_PAST = frozenset({"was", "were", "did"})
_PERSONS = SUBJECTS | {"there"}
_ANYONE = word_set("i we you one people someone somebody anyone a an ok okay possible to")


def check_modals(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "must" and "may"; a question without a modal can mean "can" or "should"."""
    one, other = set(_find_modals(a)), set(_find_modals(b))
    left, right = unmatched(a, b)
    reworded = {token.text for token in (*left, *right)}
    if reworded and not (one and other and reworded <= _MODALS.keys()):
        return None
    if (
        one == other
        or _are_permissions(one, other, (a, b))
        or (not one and _is_implied(other, b, a))
        or (not other and _is_implied(one, a, b))
    ):
        return None
    return f"modals: {' '.join(sorted(one)) or 'none'} / {' '.join(sorted(other)) or 'none'}"


def _are_permissions(
    one: set[str], other: set[str], questions: tuple[TokenizedQuestion, ...]
) -> bool:
    if one | other in _CAN:
        return True
    return one | other == {"can", "may"} and all(
        not _find_beside_modals(each).isdisjoint(_ANYONE) for each in questions
    )


def _is_implied(modals: set[str], question: TokenizedQuestion, plain: TokenizedQuestion) -> bool:
    """Whether a question with modals can ask the same as one without.

    "Where can I park?" is "Where do I park?", but "Can Ben swim?" is not "Does Ben swim?".
    """
    if modals == {"will"}:
        return not _BE.isdisjoint(plain.words) and any(
            word.endswith("ing") and before not in FUNCTION_WORDS - _PERSONS
            for before, word in pairwise(plain.words)
        )
    is_present = _PAST.isdisjoint(plain.words)
    is_anyone = not _find_beside_modals(question).isdisjoint(_ANYONE)
    return modals <= _OPTIONAL_MODALS and is_present and is_anyone


def _find_beside_modals(question: TokenizedQuestion) -> set[str]:
    """Return the words before and after each modal."""
    words = question.words
    triples = zip(("", *words), words, (*words[1:], ""), strict=False)
    return {each for before, word, after in triples if word in _MODALS for each in (before, after)}


def _find_modals(question: TokenizedQuestion) -> Iterator[str]:
    words = question.words
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        after = words[place + 1] if place + 1 < len(words) else ""
        if word in {"have", "has", "had"} and after == "to":
            yield "must"
        elif word == "going" and after == "to":
            yield "will"
        elif word == "would" and after in {"like", "love"}:
            continue  # "I would like to know"
        elif word == "may" and (
            before in BEFORE_MONTH or before[:1].isdigit() or after[:1].isdigit()
        ):
            continue
        elif word in _MODALS:
            yield _MODALS[word]
