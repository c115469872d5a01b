"""Rules for question type and tense."""

from shared.matching.tokens.tokenize import TokenizedQuestion
from shared.text import word_set
from shared.text.stemming import is_past, stem

_PAST = frozenset({"was", "were", "did"})
_DO = frozenset({"do", "does", "did"})
_FUTURE = frozenset({"will", "shall"})
_PRESENT = frozenset({"is", "are", "am", "do", "does"})
_KINDS = {kind: kind for kind in ("who", "whose", "when", "where", "why")} | {
    f"how {word}": group
    for group in (
        *(
            "long",
            "old",
            "many",
            "much",
            "often",
            "big large",
            "tall high",
            "wide",
            "heavy",
            "deep",
        ),
        *("deep", "soon fast quickly", "hard difficult easy", "close near far", "late early"),
    )
    for word in group.split()
}
_OTHER_PAST = word_set("have has had having be is are was were been being get gets got did")


def check_question_type(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions of different types, for example for a time and for a place."""
    if a.types & b.types:
        return None
    return f"question type: {_join(a.types)} / {_join(b.types)}"


def check_kind(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "how long" and "how wide", and questions for a person and for a time."""
    (one, *more), (other, *others) = a.types, b.types
    if more or others or _KINDS.get(one, one) == _KINDS.get(other, other):
        return None
    return f"question type: {one} / {other}" if {one, other} <= _KINDS.keys() else None


def check_tense(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject a question about the past and one about the present or the future."""
    one, other = _get_tense(a), _get_tense(b)
    if {one, other} in ({"past", "present"}, {"past", "future"}):
        return f"tense: {one} / {other}"
    one, other = _get_perfect(a), _get_perfect(b)
    if one != other:
        return f"tense: {one or 'no perfect'} / {other or 'no perfect'}"
    return _check_past_forms(a, b) or _check_past_forms(b, a)


def _check_past_forms(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "what happened" and "what happens", which differ in the verb's form alone."""
    if not _OTHER_PAST.isdisjoint(a.words) or not _PAST.isdisjoint(b.words):
        return None
    others = {token.key: token.text for token in b.tokens if token.kind == "word"}
    for token in a.tokens:
        other = others.get(token.key)
        if other and is_past(token.text) and not is_past(other) and stem(token.text) == stem(other):
            return f"tense: {token.text} / {other}"
    return None


def _join(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)).replace("_", " ")


def _get_tense(question: TokenizedQuestion) -> str:
    past = not _PAST.isdisjoint(question.words)
    present = not _PRESENT.isdisjoint(question.words)
    if past and present:
        return "mixed"
    future = not _FUTURE.isdisjoint(question.words)
    return "past" if past else "future" if future else "present" if present else "open"


def _get_perfect(question: TokenizedQuestion) -> str:
    """Return "has" for "has seen" and for "have been", "had" for "had seen" and for "had a car"."""
    words = question.words
    for place, word in enumerate(words):
        following = words[place + 1 : place + 5]
        if word == "had":
            return "had"
        if word in _DO:
            return ""  # the main verb follows
        if word in {"has", "have"} and any(each == "been" or is_past(each) for each in following):
            return "has"
    return ""
