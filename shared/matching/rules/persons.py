"""Rules for pronouns: who is meant, and who does what to whom."""

from collections import Counter
from itertools import pairwise

from shared.matching.tokens.lexicon import PREPOSITIONS, meaning_key
from shared.matching.tokens.tokenize import TokenizedQuestion
from shared.text import word_set

_PERSONS = {
    word: name
    for name, words in (
        ("I", "i me my mine myself we us our ours ourselves"),
        ("you", "you your yours yourself yourselves"),
        ("he", "he him his himself"),
        ("she", "she her hers herself"),
        ("they", "they them their theirs themselves"),
    )
    for word in words.split()
}
_SPEAKERS = frozenset({"I", "you"})
_OBJECTS = word_set("me us him them nothing everything myself")
# With these verbs "for me" is "me": "buy me a hat", "buy a hat for me".
_FOR_A_RECIPIENT = {
    meaning_key(verb)
    for verb in word_set(
        "book bake bring build buy choose cook fetch find get make order prepare reserve save"
    )
}
# In "How do I" and "should you" the pronoun means anyone.
_BEFORE_ANYONE = word_set("do does can could should must may might to if when")
_AFTER_ANYONE = word_set("can could should must may might")


def check_persons(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "my" and "their", and "he ... me" and "I ... him"."""
    one, other = _get_persons(a), _get_persons(b)
    speakers, others = set(one) & _SPEAKERS, set(other) & _SPEAKERS
    swapped = bool(speakers and others) and speakers != others
    several = len(set(one)) > 1 and len(set(other)) > 1 and one != other
    if set(one) - _SPEAKERS == set(other) - _SPEAKERS and not swapped and not several:
        return None
    return f"pronouns: {' '.join(one) or 'none'} / {' '.join(other) or 'none'}"


def check_objects(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "Who owes me?" and "Who owes?", "sold us the boat" and "sold the boat for us"."""
    one, other = _get_objects(a), _get_objects(b)
    if one != other:
        return f"pronouns: {_join(one)} / {_join(other)}"
    has_recipient = not _FOR_A_RECIPIENT.isdisjoint(set(a.keys) & set(b.keys))
    alike = {"", "to", "for"} if has_recipient else {"", "to"}
    roles, others = _get_roles(a), _get_roles(b)
    for pronoun in sorted(roles.keys() & others.keys()):
        left, right = roles[pronoun], others[pronoun]
        if left != right and not {left, right} <= alike:
            return f"pronouns: {left or 'no preposition'} {pronoun} / {right or 'none'}"
    return None


def _get_persons(question: TokenizedQuestion) -> list[str]:
    """Return the persons of the pronouns, without an "I" or "you" that means anyone."""
    found: list[str] = []
    anyone = None
    words = question.words
    for place, word in enumerate(words):
        person = _PERSONS.get(word)
        if person is None:
            continue
        before = words[place - 1] if place else ""
        after = words[place + 1] if place + 1 < len(words) else ""
        if word in {"i", "we", "you"} and (before in _BEFORE_ANYONE or after in _AFTER_ANYONE):
            anyone = anyone or person
        if not found or found[-1] != person:
            found.append(person)
    if "how" in question.types and set(found) == {anyone}:
        return []  # "How do I raise my child?", "How can you raise your child?"
    return found


def _get_objects(question: TokenizedQuestion) -> Counter[str]:
    words = question.words
    found = Counter(word for word in words if word in _OBJECTS)
    found["her"] = sum(
        word == "her" and (place + 1 == len(words) or words[place + 1] in _BEFORE_ANYONE)
        for place, word in enumerate(words)
    )
    return +found


def _get_roles(question: TokenizedQuestion) -> dict[str, str]:
    """Return the preposition before each object, or an empty string."""
    return {
        word: before if before in PREPOSITIONS else ""
        for before, word in pairwise(question.words)
        if word in _OBJECTS or word == "her"
    }


def _join(words: Counter[str]) -> str:
    return " ".join(sorted(words)) or "none"
