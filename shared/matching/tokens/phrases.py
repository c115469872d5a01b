"""Replaces phrases by others of the same meaning, so that equal questions have equal words."""

import re

from shared.matching.tokens.lexicon import AUXILIARIES, SUBJECTS

# The replacement, and the phrases that it replaces. "-" removes a phrase.
_PHRASE_TABLE = """
-: right now, at present, these days, at the moment, as of now, in general, in your opinion
-: according to you
remove: get rid of, getting rid of
earn money: make money, making money
usa: the us
in usa: in us
uk: united kingdom
phone: cell phone, cell phones, mobile phone, mobile phones, smart phone
free: for free
daily: every day, each day, on a daily basis
online: on the internet
lose weight: reduce weight
to: in order to, so as to
and: as well as
like: such as
eachother: each other, one another
not: no longer
kind: kind of, type of, sort of
kinds: types of, sorts of
many: a lot of, lots of
because of: due to
despite: in spite of
fast: as soon as possible
advantages and disadvantages: pros and cons
firsttime: for the first time
world: in the world
happened to: happened with
happens to: happens with
happen: take place, takes place
think about: think of, opinion on, opinion about, opinion of, opinions on, opinions about
think about: opinions of, thought on, thought about, thought of, thoughts on, thoughts about
think about: thoughts of, view on, view about, view of, views on, views about, views of
say about: teach about, teaching about, teaching on
says about: teaches about
said about: taught about
about: concerning, regarding, on the subject of, on the topic of
discover: find out
seek: look for
stop: give up
"""
_PHRASES = {
    phrase: replacement.removeprefix("-")
    for line in _PHRASE_TABLE.strip().split("\n")
    for replacement, _, phrases in [line.partition(": ")]
    for phrase in phrases.split(", ")
}

_PHRASE = re.compile(rf"\b(?:{'|'.join(sorted(_PHRASES, key=len, reverse=True))})\b")

_WRITTEN_ON = (
    "the|an?|this|that|my|our|your|his|her|its|their|each|every|\\w+day|paper|cards?|facebook|twitter"
    "|instagram|linkedin|whatsapp|slack|reddit|youtube|tiktok|discord|github|medium|substack"
)
"""What follows "on" where it is a place or a day."""

# "What did I write about faith?" is "What do my notes say about faith?". "On" is "about" in "on
# faith", and not in "on the wall", "on facebook", "on Rome", "on 3 May" or "on monday".
_WROTE = re.compile(
    r"\bwhat (?:(?P<inverted>have|had|did) I (?:write|written|note|noted|jot|jotted)"
    r"|I(?:['\u2019]ve|['\u2019]d| have| had)? (?:wrote|written|noted|jotted))(?: down)?"
    r"(?= (?:about|regarding|concerning)\b"
    rf"| on (?!(?:{_WRITTEN_ON})\b)(?-i:[a-z]))",
    re.IGNORECASE,
)

# "Such as are baptised" is "those who are baptised", but "fruits such as figs" is "like figs".
_THOSE_WHO = re.compile(
    r"\b(?:such|those|they|them) (?:as|that|who)"
    r"(?= (?:are|were|be|do|did|have|had|shall|will|can|may|must|should)\b)"
)

# "Didn't we" is "did we not".
_NOT_BEFORE_PRONOUN = re.compile(
    rf"\b({'|'.join(sorted(AUXILIARIES))}) not ({'|'.join(sorted(SUBJECTS))})\b"
)
_HAD_BEEN = re.compile(r"\bwould been\b")  # "who'd been"
_HOW_LONG_FOR = re.compile(r"^(how long .+) for$")
_DIFFER = re.compile(
    r"\bhow (?:(?:do|does|did) (.+) from (.+) differ|(?:do|does|did) (.+) differ from (.+)"
    r"|(?:is|are|was|were) (.+) different from (.+)"
    r"|(?:do|did) (.+ and .+) differ|(?:are|were) (.+ and .+) different)$"
)


def name_notes(text: str) -> str:
    """Replace "What have I written about" by "What do my notes say about", in any case.

    The pair model does not know that all that a user wrote is in their notes.
    """
    return _WROTE.sub(_say_notes, text)


def _say_notes(found: re.Match[str]) -> str:
    return f"{found[0][:4]} {'do ' if found['inverted'] else ''}my notes say"


def replace_phrases(text: str) -> str:
    """Replace phrases in a lower-case text by a word of the same meaning."""
    text = _THOSE_WHO.sub("those who", text)
    text = _HAD_BEEN.sub("had been", text)
    text = _HOW_LONG_FOR.sub(r"\1", text)
    text = _NOT_BEFORE_PRONOUN.sub(r"\1 \2 not", text)
    text = _DIFFER.sub(_name_difference, text)
    return _PHRASE.sub(lambda found: _PHRASES[found[0]], text)


def _name_difference(found: re.Match[str]) -> str:
    """Return "what is the difference between a and b" for "how does a differ from b"."""
    return f"what is the difference between {' and '.join(filter(None, found.groups()))}"
