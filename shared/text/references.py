"""Finds pronouns and demonstratives that refer to something outside of their question. English."""

import re

from shared.text import word_set
from shared.text.standalone_words import AUXILIARIES, FUNCTION_WORDS, STATEMENTS

_POSSESSIVES = word_set("his her its their")
_THIRD_PERSON = _POSSESSIVES | word_set(
    """he him she hers it it's they them theirs he's she's they're he'd she'd they'd he'll she'll
    it'll they'll"""
)
_PERSONS = word_set("they them he him she those")
_RELATIVES = word_set("who whom that which where wherein whereof whereinto")
_PERIODS = word_set(
    """week weekend month year morning evening afternoon night spring summer autumn fall winter
    season quarter semester term monday tuesday wednesday thursday friday saturday sunday world
    life"""
)
_BEFORE_DEMONSTRATIVE = AUXILIARIES | word_set(
    """of to in on at for by with from about into onto over under after before during and or but
    than like why how when what where if because as without through do all not"""
)
_PARTICLES = word_set("up out off down")
_BOUNDARIES = word_set(
    """and but or if when because so that which who how what why where while before after since
    though although as than until unless whether"""
)
_NOUN_PHRASE = re.compile(
    r"\b(?:the|a|an|my|your|our|any|each|every|some|no|all|of|in|for|to|one|two|three|four|five"
    r"|ten) (?:\w+ )?\w"
)
# "Is it true that …", "How long does it take to …", "What is it like to …"
_ADJECTIVES = (
    "true|possible|necessary|important|okay|ok|safe|legal|illegal|normal|good|bad|better|best|wrong"
    "|right|easy|hard|difficult|worth|common|helpful|useful|healthy|harmful|dangerous|rude|enough"
    "|sufficient|lawful|sinful|allowed|permitted|required|customary"
)
_DUMMY = re.compile(
    r"\b(?:is|was|isn't|wasn't|be|it's|what's) it (?:not |\w+ly |more |considered )?"
    rf"(?:{_ADJECTIVES})\b(?=.* (?:to|that|for|if|when|\w+ing)\b)"
    r"|\b(?:is|was|what's) it like (?:to|for|being)\b|\bwhat time is it\b"
    r"|\bhow \w+ (?:is|was) it to\b"
    r"|\b(?:does|did|will|would|can) it (?:take|cost|make sense|mean|feel|matter)\b(?=.* to \w)"
    r"|\b(?:does|did|will|is) it (?:rain|snow|raining|snowing)\b|\b(?:make|find|found) it \w+ to\b"
    r"|\bit (?:is|was) (?:\w+ )?(?:that|to)\b|\bit takes? (?:\w+ ){0,4}to\b|\bit really true that\b"
)


def find_open_reference(written: list[str]) -> str:
    """Return the first word that refers to something outside; "" if there is none.

    `written` are the words of a question as they were written.
    """
    words = [word.lower() for word in written]
    marked = _DUMMY.sub(lambda found: re.sub(r"\bit\b", "_", found[0], count=1), " ".join(words))
    for at, word in enumerate(marked.split()):
        if written[at] == "IT":  # information technology
            continue
        if word in _THIRD_PERSON and not _has_antecedent(words, written, at):
            return word
        if word in {"this", "these", "those", "that", "there"} and _points_outside(words, at):
            return word
    return ""


def _points_outside(words: list[str], at: int) -> bool:
    """Return whether a demonstrative neither begins a clause nor has one after it."""
    word, before = words[at], words[at - 1] if at else ""
    after = words[at + 1] if at + 1 < len(words) else ""
    if word == "there":
        return before not in AUXILIARIES and after not in AUXILIARIES
    if word == "that":
        is_specified = not _RELATIVES.isdisjoint(words[at + 1 : at + 5])
        is_pronoun = not after or not before or before in _BEFORE_DEMONSTRATIVE
        return (is_pronoun and not is_specified) or after in _PARTICLES
    is_specified = word == "those" and not _RELATIVES.isdisjoint(words[at:])
    return not (after in _PERIODS or is_specified)


def _has_antecedent(words: list[str], written: list[str], at: int) -> bool:
    """Return whether an earlier part of the question has what a pronoun can stand for.

    For a possessive this is anything before it, for others what an earlier clause contains.
    """
    if words[at] in _PERSONS and words[at + 1 : at + 2] in (["that"], ["who"]):
        return True  # "they that are called"
    end = at
    if words[at] not in _POSSESSIVES:
        end = max((place for place in range(1, at + 1) if words[place] in _BOUNDARIES), default=0)
    names = zip(words[1:end], written[1:end], strict=True)
    ours = _THIRD_PERSON | STATEMENTS
    if any(name[0].isupper() and word not in ours for word, name in names):
        return True
    content = [word for word in words[:end] if word not in FUNCTION_WORDS]
    needed = 2 if words[at] in _POSSESSIVES else 1
    return len(content) >= needed and _NOUN_PHRASE.search(" ".join(words[:end])) is not None
