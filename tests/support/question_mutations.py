"""Pairs of questions that differ in what one veto compares, for each veto."""

import random
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from shared.matching.tokens.tokenize import tokenize
from shared.matching.tokens.typos import is_slip
from shared.text import english_words, sorted_lines, word_relations, word_set
from shared.text.word_relations import (
    are_kinds_of_one_thing,
    are_opposites,
    are_related,
    base_forms,
)
from tests.support.fixed_pair_model import FixedPairModel

_NAMES = sorted(
    word_set("Anna Ben Clara Dora Emil Frank Golding Harris Ida Jonas Louise Martin Peters Simone")
)
_NOUNS = sorted(
    word_set("bank church garden house kitchen letter meeting plan roof school shed trip")
)
_VERBS = sorted(word_set("bring call check clean find help leave paint send visit write"))
_ADJECTIVES = sorted(word_set("big clean cold dark hard hot loud old rich small strong warm"))
_MONTHS = sorted(
    word_set("January February March April June July August September October December")
)

_SLOTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "quantities": (
        ("What are the {x} rules of the {noun}?", "Did {name} {verb} {x} times?"),
        ("3", "four", "12", "25", "1.5", "third", "1,000"),
    ),
    "dates": (
        ("What did {name} {verb} on {x}?", "When does the {noun} open on {x}?"),
        ("Monday", "Friday", "May 3", "5 June", "25 December", "tomorrow"),
    ),
    "bible_references": (
        ("What does {x} say about the {noun}?", "Why did {name} read {x}?"),
        ("John 3:16", "John 3:17", "1 John 3:16", "Psalm 23", "Romans 8:28", "1 Cor 13"),
    ),
    "units": (
        ("How far is the {noun}, 10 {x} or more?", "Is the {noun} 20 {x} away?"),
        ("km", "miles", "feet"),
    ),
    "notation": (("What does {x} mean for the {noun}?",), ("a_b", "a.b", "-rf", "f(x)", "c!")),
    "names": (
        ("Where does {x} {verb} now?", "When did Mr. {x} {verb} the {noun}?", "How is {x}?"),
        tuple(_NAMES),
    ),
    "negation": (
        ("Why does {name} {x} {verb} the {noun}?", "Can {name} {x} {verb}?"),
        ("", "not", "never"),
    ),
    "antonyms": (
        ("Is it {x} to {verb} the {noun}?", "What is {x} in the {noun}?"),
        ("allowed", "forbidden"),
    ),
    "modals": (
        ("When {x} {name} {verb} the {noun}?", "What {x} we {verb} in the {noun}?"),
        ("must", "may", "should", "would"),
    ),
    "actions": (
        ("How do I {x} key of the {noun}?", "What is the best way to {x} letter?"),
        ("delete the", "recover the deleted", "rename the", "share the", "print the"),
    ),
    "contrasts": (
        ("Who did {name} {x} in the {noun}?", "Did I {x} the {noun} of {name}?"),
        ("buy", "sell", "rent", "paint", "repair", "insure", "borrow", "return"),
    ),
    "qualifiers": (
        ("What is the {x} price of the {noun}?", "Where is {name}'s {x} {noun}?"),
        ("", "average", "official", "maximum", "total", "net", "joint", "only", "spare"),
    ),
    "attributes": (
        ("What is {x}{name}'s {noun}?", "Where is {x}the {noun}?"),
        ("", "the colour of ", "the price of ", "the owner of ", "the door of "),
    ),
    "question_type": (
        ("{x} did {name} {verb} in the {noun}?",),
        ("Who", "When", "Where", "Why", "How often", "How long"),
    ),
    "function_words": (
        ("Did {name} {verb} {x} the {noun}?", "Does {name} {verb} it {x}?"),
        ("off", "up", "down", "away", "against", "without", "back", "about"),
    ),
    "verbs": (("What did {name} {x} in the {noun}?",), ("get", "have", "own", "like", "want")),
    "conjunctions": (
        ("Who can {verb} {name} {x} the {noun}?", "Which {noun} {x} roof is red?"),
        ("and", "or"),
    ),
    "degree": (
        ("Is the {noun} {x} for {name}?", "Why is the {noun} {x}?"),
        tuple(f"{much}{word}" for word in _ADJECTIVES for much in ("", "too ")),
    ),
    "pronouns": (
        ("When does {x} mother {verb} {name}?", "Where is {x} {noun}?"),
        ("my", "his", "her", "their"),
    ),
    "objects": (("Who will {verb} {x} the {noun}?",), ("", "me", "him", "them")),
    "prepositions": (
        ("Who is the {noun} {x}?", "What did {name} {verb} {x} the {noun}?"),
        ("from", "for", "with", "about"),
    ),
    "tense": (
        ("Who {x} the owner of the {noun}?", "Why {x} {name} in the {noun}?"),
        ("is", "was", "will be"),
    ),
}


@cache
def _similar_words() -> list[tuple[str, str]]:
    """Return pairs of English words that differ by one letter, but not by their inflection."""
    chance = random.Random(7)
    words = sorted_lines._load(english_words.FILE).decode("ascii").split()
    pairs = []
    for word in chance.sample(words, 60_000):
        at = chance.randrange(len(word))
        other = word[:at] + chance.choice("aeioulrnst") + word[at + 1 :]
        if not (is_slip(word, other) and english_words.is_english_word(other)):
            continue
        if _are_different(word, other):
            pairs.append((word, other))
    return pairs


def _are_different(one: str, other: str) -> bool:
    """Whether both are content words, with other meanings than synonyms have."""
    tokens = [token for each in (one, other) for token in tokenize(each).tokens]
    are_content = [token.text for token in tokens if not token.optional] == [one, other]
    return are_content and tokens[0].key != tokens[1].key


@cache
def _exclusive_words() -> list[tuple[str, str]]:
    """Return pairs of opposites, and of kinds of one thing."""
    words_of = defaultdict(list)
    for word, _, kinds, _, opposites in _related_words():
        for each in [*kinds.split(","), *opposites.split(",")]:
            words_of[each].append(word)
    del words_of["-"]
    chance = random.Random(8)
    drawn = (chance.sample(words, 2) for words in words_of.values() if len(words) > 1)
    return [
        (one, other)
        for one, other in drawn
        if (are_opposites(one, other) or are_kinds_of_one_thing(one, other))
        and _are_different(one, other)
    ]


@cache
def _unknown_words() -> list[tuple[str, str]]:
    """Return pairs of unrelated words of which the pair model knows at most one."""
    chance = random.Random(9)
    words = [word for word, *_ in _related_words()]
    knows = FixedPairModel(1.0).knows
    rare = [word for word in words if not any(map(knows, base_forms(word)))]
    drawn = zip(chance.sample(rare, 20_000), chance.sample(words, 20_000), strict=True)
    return [pair for pair in drawn if _are_different(*pair) and not are_related(*pair)]


def _related_words() -> Iterator[list[str]]:
    """Yield the lines of the list of relations that are of base forms."""
    for line in sorted_lines._load(word_relations.FILE).decode("ascii").splitlines():
        if len(fields := line.split()) == 1 + len(word_relations.Relations._fields):
            yield fields


_MEAN = "What does {} mean for the {noun}?"
_EXCHANGED = {
    "letters": ((_MEAN, "Where did {name} see {}?"), _similar_words),
    "exchanged_words": ((_MEAN, "Did {name} write about the {}?"), _exclusive_words),
    "unknown_words": ((_MEAN, "When did {name} get the {}?"), _unknown_words),
}
KINDS = (*_SLOTS, "word_order", *_EXCHANGED)


def mutations(kind: str, seed: int) -> Iterator[tuple[str, str]]:
    """Yield two questions of one kind that differ in one place, without an end."""
    chance = random.Random(seed)
    while True:
        words = {
            "name": chance.choice(_NAMES),
            "noun": chance.choice(_NOUNS),
            "verb": chance.choice(_VERBS),
        }
        if kind in _EXCHANGED:
            questions, find_pairs = _EXCHANGED[kind]
            asked = chance.choice(questions)
            one, other = chance.choice(find_pairs())
            yield asked.format(one, **words), asked.format(other, **words)
            continue
        if kind == "word_order":
            one, other = chance.sample(_NAMES, 2)
            asked = chance.choice(("Did {} {verb} {}?", "Why does {} {verb} {} in {month}?"))
            words["month"] = chance.choice(_MONTHS)
            yield asked.format(one, other, **words), asked.format(other, one, **words)
            continue
        templates, slots = _SLOTS[kind]
        asked = chance.choice(templates)
        one, other = chance.sample(slots, 2)
        if kind == "degree" and one.split()[-1] != other.split()[-1]:
            continue
        one, other = (" ".join(asked.format(x=slot, **words).split()) for slot in (one, other))
        yield one, other
