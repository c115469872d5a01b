"""Whether something is denied, and what."""

from itertools import pairwise
from typing import TYPE_CHECKING

from shared.matching.tokens.tokenize import NEGATION

if TYPE_CHECKING:
    from shared.matching.tokens.tokenize import TokenizedQuestion

_MODAL = {
    "can": "can",
    "could": "can",
    "will": "will",
    "would": "would",
    "should": "should",
    "must": "must",
    "may": "may",
}


def check_negation(a: "TokenizedQuestion", b: "TokenizedQuestion") -> str | None:
    """Refuse where one side negates more than the other, or something else."""
    one, other = _denials(a), _denials(b)
    if one != other:
        return f"negation: {one} / {other}"
    denied, others = _verbs(a), _verbs(b)
    if denied != others:
        return f"negation: {' '.join(denied)} not / {' '.join(others)} not"
    denied, others = _denied(a), _denied(b)
    if denied != others:
        return f"negation: of {' '.join(denied) or 'none'} / of {' '.join(others) or 'none'}"
    return None


def _denials(question: "TokenizedQuestion") -> int:
    words = question.words
    # "Is it true or not?" negates nothing.
    tag = len(words) > 1 and words[-2:] == ("or", "not")
    return sum(word in NEGATION for word in words) - tag


def _verbs(question: "TokenizedQuestion") -> list[str]:
    """What is denied of somebody's doing: "won't" is neither "can't" nor "doesn't"."""
    words = question.words
    return [
        _MODAL.get(before, "do")
        for before, word in pairwise(("", *words))
        if word in {"not", "never"}
    ]


def _denied(question: "TokenizedQuestion") -> list[str]:
    return sorted(token.key for token in question.tokens if token.negated)
