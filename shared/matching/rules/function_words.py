"""Rules for small words that change what is asked: conjunctions, prepositions, verbs, degree."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from shared.matching.rules.antonyms import find_adjectives
from shared.matching.tokens.lexicon import PREPOSITIONS, have_same_role
from shared.matching.tokens.tokenize import TokenizedQuestion
from shared.text import by_word, word_set
from shared.text.stemming import stem

_CONJUNCTIONS = by_word(
    "and &", "or", "if", "unless", "while during", "because due", "despite although though spite"
)
_UNITS = by_word(
    "km kilometre kilometres kilometer kilometers",
    "mile miles",
    "m metre metres meter meters",
    "feet foot ft",
    "kg kilo kilos kilogram kilograms",
    "g gram grams",
    "pound pounds lb lbs \u00a3",
    "euro euros \u20ac",
    "dollar dollars $",
    "inch inches",
    "yard yards",
    "gallon gallons",
    "pint pints",
    "quart quarts",
    "ounce ounces oz",
    "ton tons tonne tonnes",
    "stone stones",
    "acre acres",
    "hectare hectares",
    "cup cups",
    "teaspoon teaspoons tsp",
    "tablespoon tablespoons tbsp",
    "calorie calories",
    "joule joules",
    "watt watts",
    "kilowatt kilowatts kw",
    "volt volts",
    "megabyte megabytes mb",
    "gigabyte gigabytes gb",
    "terabyte terabytes tb",
    *("mph", "mg", "ml", "cm", "mm", "celsius", "fahrenheit"),
    "litre litres liter liters",
    "second seconds",
    "minute minutes",
    "time hour hours",
    "day days date",
    "week weeks",
    "month months",
    "year years",
)
_VERBS = by_word("get gets got", "have has", "like likes", "own owns", "want wants")
_DO = frozenset({"do", "does", "did"})
_FORMS_OF_BE = word_set("is are am was were be been")
_DEGREES = frozenset({"too", "enough", "than", "more", "less", "better", "worse"})
_TIMES = word_set(
    "minute hour day week weekend month year morning afternoon evening night season term semester"
)
_ON_PLACES = word_set(
    "phone telephone radio television tv stage air bus train plane flight boat ship ferry beach"
    " trip way walk tour journey holiday vacation table internet web site website blog board floor"
    " day night morning evening birthday anniversary weekend island farm street road roof"
)
_BEFORE_VERB = frozenset(map(stem, ("stop", "remember", "forget", "regret")))
"""Verbs that mean something else before "to" and a verb than before a verb in -ing."""
_QUANTITIES = frozenset({("a", "few"), ("a", "little")})
_PARTS = frozenset({"most", "none", "few", "half"})
_SUPERLATIVES = frozenset({"most", "least"})
_LAST = word_set("for with to from about of by on in at")


def check_conjunctions(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "and" in the place of "or", and "if" in the place of "while"."""
    return _check_exchange("conjunctions", _CONJUNCTIONS, a, b)


def check_exchanged_units(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject kilometres and miles, and a question for the month and one for the year."""
    one, other = (_find_counted(left, right) for left, right in ((a, b), (b, a)))
    for number in one.keys() & other.keys():
        return f"units: {one[number]} / {other[number]}"
    return _check_exchange("units", _UNITS, a, b)


def _find_counted(a: TokenizedQuestion, b: TokenizedQuestion) -> dict[str, str]:
    """Return the words after numbers that `b` lacks, by number."""
    return {
        number.key: word.text
        for number, word in pairwise(a.tokens)
        if number.kind == "number" and word.kind == "word" and word.key not in b.keys
    }


def check_verbs(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "get" and "have", "is like" and "does like", "stop to eat" and "stop eating"."""
    if (_find_purposes(a) & _find_gerunds(b)) | (_find_purposes(b) & _find_gerunds(a)):
        return "verbs: to do / doing"
    is_last = {*a.words[-1:], *b.words[-1:]} == {"like"}
    is_verb = "like" in a.keys and a.keys == b.keys and _has_do(a) != _has_do(b)
    if (is_last or is_verb) and _has_be(a) != _has_be(b):
        return "verbs: is like / does like"
    left, right = _find_verbs(a), _find_verbs(b)
    if left - right and right - left:
        return f"verbs: {_join(left)} / {_join(right)}"
    return None


def _find_purposes(question: TokenizedQuestion) -> set[str]:
    """Return the stems of the verbs of "stop to eat" and the like."""
    triples = zip(question.words, question.words[1:], question.words[2:], strict=False)
    return {
        stem(verb) for before, to, verb in triples if to == "to" and stem(before) in _BEFORE_VERB
    }


def _find_gerunds(question: TokenizedQuestion) -> set[str]:
    """Return the stems of the verbs of "stop eating" and the like."""
    pairs = pairwise(question.words)
    return {
        stem(verb)
        for before, verb in pairs
        if verb.endswith("ing") and stem(before) in _BEFORE_VERB
    }


def _has_be(question: TokenizedQuestion) -> bool:
    return not _FORMS_OF_BE.isdisjoint(question.words) and not _has_do(question)


def _has_do(question: TokenizedQuestion) -> bool:
    return not _DO.isdisjoint(question.words)


def check_prepositions(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "from Anna" and "for Anna", and questions that end in different prepositions."""
    for one, other in ((a, b), (b, a)):
        if owner := _find_recipient(one, other):
            return f"prepositions: {owner}'s / for {owner}"
    leads, others = _leads(a), _leads(b)
    for key in leads.keys() & others.keys():
        left, right = leads[key], others[key]
        is_other = {left, right} == {"on", "about"} and key in _find_places(a)
        if {left, right} <= PREPOSITIONS and (is_other or not have_same_role(left, right)):
            return f"prepositions: {left} / {right}"
    last, other_last = a.words[-1:], b.words[-1:]
    if last != other_last and {*last, *other_last} <= _LAST:
        return f"prepositions: {' '.join(last)} / {' '.join(other_last)}"
    return None


def _find_recipient(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Return Anna, if `a` has "Anna's letter" and `b` "the letter for Anna".

    A time has no letters: "this week's menu" is "the menu for this week".
    """
    for head, token in pairwise(b.tokens):
        is_recipient = token.lead == "for" and token.kind == "word" and token.text not in _TIMES
        if is_recipient and re.search(rf"\b{re.escape(token.text)}'s?\s", a.text, re.IGNORECASE):
            later = a.keys[a.keys.index(token.key) :] if token.key in a.keys else ()
            if head.key in later:
                return token.text
    return None


def _find_places(question: TokenizedQuestion) -> set[str]:
    """Return the keys of times and places: "on the train" is not "about the train"."""
    return {
        token.key for token in question.tokens if token.kind == "date" or token.text in _ON_PLACES
    }


def check_degree(a: TokenizedQuestion, b: TokenizedQuestion) -> str | None:
    """Reject "too hot" and "hot", and "older", "oldest" and "old"."""
    one, other = (Counter(_find_degrees(question.words)) for question in (a, b))
    if one != other:
        return f"degree: {_join(one)} / {_join(other)}"
    if "how" in a.types & b.types:
        return None  # "the fastest way to run", "run fast"
    for left in set(a.words) - set(b.words):
        for right in set(b.words) - set(a.words):
            bases, others = find_adjectives(left), find_adjectives(right)
            if {left, *bases} & set(others) or right in bases:
                return f"degree: {left} / {right}"
    return None


def _find_degrees(words: Sequence[str]) -> Iterator[str]:
    """Yield "too" and the like, "a few", "most" at the end ("what I liked most") and "most of"."""
    yield from (word for word in words if word in _DEGREES)
    yield from (" ".join(pair) for pair in pairwise(words) if pair in _QUANTITIES)
    yield from (word for word in words[-1:] if word in _SUPERLATIVES)
    yield from (word for word, of in pairwise(words) if of == "of" and word in _PARTS)


def _check_exchange(
    name: str, groups: Mapping[str, str], a: TokenizedQuestion, b: TokenizedQuestion
) -> str | None:
    one, other = ({groups[word] for word in x.words if word in groups} for x in (a, b))
    if one - other and other - one:
        return f"{name}: {_join(one)} / {_join(other)}"
    return None


def _find_verbs(question: TokenizedQuestion) -> set[str]:
    """Return the light verbs; "do" is one if another "do" comes before it: "does Tom do"."""
    words = question.words
    found = {
        "want" if pair == ("would", "like") else _VERBS[pair[1]]
        for pair in pairwise(("", *words))
        if pair[1] in _VERBS
    }
    return found | {"do"} if sum(word in _DO for word in question.words) > 1 else found


def _leads(question: TokenizedQuestion) -> dict[str, str]:
    """Return the preposition before each token, except where a token occurs twice."""
    counts = Counter(question.keys)
    texts = ("", *(token.text for token in question.tokens))
    return {
        token.key: token.lead or (before if before in PREPOSITIONS else "")
        for before, token in zip(texts, question.tokens, strict=False)
        if counts[token.key] == 1
    }


def _join(words: "set[str] | Counter[str]") -> str:
    return " ".join(sorted(words)) or "none"
