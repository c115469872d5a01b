"""Rule for negation."""

from itertools import pairwise

from shared.matching.tokens.lexicon import AUXILIARIES, SUBJECTS
from shared.matching.tokens.tokenize import NEGATIONS, TokenizedQuestion
from shared.text import word_set

_MODAL = {
    "can": "can",
    "could": "can",
    "will": "will",
    "would": "would",
    "should": "should",
    "must": "must",
    "may": "may",
}

_QUANTIFIERS = word_set("all any both each either every everybody everyone everything many only")


def check_negation(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions that differ in the number of negations or in the words they negate."""
    one, other = _count_negations(a), _count_negations(b)
    if one != other:
        return f"negation: {one} / {other}"
    denied, others = _negated_verbs(a), _negated_verbs(b)
    if denied != others:
        return f"negation: {' '.join(denied)} not / {' '.join(others)} not"
    denied, others = _negated_tokens(a), _negated_tokens(b)
    if denied != others and not (_is_contracted(a, b) or _is_contracted(b, a)):
        return f"negation: of {' '.join(denied) or 'none'} / of {' '.join(others) or 'none'}"
    return None


def _is_contracted(a: TokenizedQuestion, b: TokenizedQuestion) -> bool:
    """Whether `a` has "wasn't the refund issued" and `b` "was the refund not issued"."""
    words, others = list(a.words), list(b.words)
    if not _QUANTIFIERS.isdisjoint(words) or words.count("not") != 1 or others.count("not") != 1:
        return False
    place, other_place = words.index("not"), others.index("not")
    words.remove("not")
    others.remove("not")
    is_after = place > 0 and words[place - 1] in AUXILIARIES and other_place > place
    return is_after and words == others and others[other_place : other_place + 1] != ["to"]


def _count_negations(question: TokenizedQuestion) -> int:
    words = question.words
    # "Is it true or not?" negates nothing.
    tag = len(words) > 1 and words[-2:] == ("or", "not")
    return sum(word in NEGATIONS for word in words) - tag


def _negated_verbs(question: TokenizedQuestion) -> list[str]:
    """Return the negated auxiliaries: "won't" is neither "can't" nor "never"."""
    words = [word for word in question.words if word not in SUBJECTS]  # "can I not"
    return [
        word if word == "never" else _MODAL.get(before, "do")
        for before, word in pairwise(("", *words))
        if word in {"not", "never"}
    ]


def _negated_tokens(question: TokenizedQuestion) -> list[str]:
    return sorted(token.key for token in question.tokens if token.negated)
