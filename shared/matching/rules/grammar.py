"""Rules for question type, tense and pronouns."""

from shared.matching.tokens.tokenize import TokenizedQuestion
from shared.text import word_set
from shared.text.stemming import is_past, stem

_PAST = frozenset({"was", "were", "did"})
_FUTURE = frozenset({"will", "shall"})
_PRESENT = frozenset({"is", "are", "am", "do", "does"})
_OTHER_PAST = word_set("have has had having be is are was were been being get gets got did")

_FIRST = word_set("i me my mine myself we us our ours ourselves")
_SECOND = word_set("you your yours yourself")
_HE = word_set("he him his himself")
_SHE = word_set("she her hers herself")
_PERSON = {
    word: name
    for name, words in (("I", _FIRST), ("you", _SECOND), ("he", _HE), ("she", _SHE))
    for word in words
}
_THIRD = frozenset({"he", "she"})
# In "How do I" and "should you" the pronoun means anyone.
_BEFORE_ANYONE = word_set("do does can could should must may might to if when")
_AFTER_ANYONE = word_set("can could should must may might")


def check_question_type(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject questions of different types, for example for a time and for a place."""
    if a.types & b.types:
        return None
    return f"question type: {_join(a.types)} / {_join(b.types)}"


def check_tense(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject a question about the past and one about the present or the future."""
    one, other = _get_tense(a), _get_tense(b)
    if {one, other} in ({"past", "present"}, {"past", "future"}):
        return f"tense: {one} / {other}"
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


def check_pronouns(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "my" and "your", "he" and "she", and "you ... me" and "I ... you"."""
    one, other = _get_persons(a), _get_persons(b)
    several = len(set(one)) > 1 and len(set(other)) > 1
    third, others_third = [x for x in one if x in _THIRD], [x for x in other if x in _THIRD]
    near, others_near = set(one) - _THIRD, set(other) - _THIRD
    swapped = near and others_near and near.isdisjoint(others_near)
    if third == others_third and not swapped and not (several and one != other):
        return None
    return f"pronouns: {' '.join(one) or 'none'} / {' '.join(other) or 'none'}"


def _join(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)).replace("_", " ")


def _get_tense(question: TokenizedQuestion) -> str:
    past = not _PAST.isdisjoint(question.words)
    present = not _PRESENT.isdisjoint(question.words)
    if past and present:
        return "mixed"
    future = not _FUTURE.isdisjoint(question.words)
    return "past" if past else "future" if future else "present" if present else "open"


def _get_persons(question: TokenizedQuestion) -> list[str]:
    """Return the persons of the pronouns, without an "I" or "you" that means anyone."""
    found: list[str] = []
    anyone = None
    words = question.words
    for place, word in enumerate(words):
        person = _PERSON.get(word)
        if person is None:
            continue
        before = words[place - 1] if place else ""
        after = words[place + 1] if place + 1 < len(words) else ""
        if word in {"i", "we", "you"} and (before in _BEFORE_ANYONE or after in _AFTER_ANYONE):
            anyone = anyone or person
        elif not found or found[-1] != person:
            found.append(person)
    if "how" in question.types and set(found) == {anyone}:
        return []  # "How do I raise my child?", "How can you raise your child?"
    return found
