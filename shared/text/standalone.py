"""Decides by its words whether a question means the same in every conversation. For English.

In doubt it does not: then a language model rewrites it, which costs time, while a question that is
missed would share the answers of other conversations. Names and numbers make a question specific,
so weak signs of a reference count only without them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from shared.text import word_set
from shared.text.languages import are_english
from shared.text.references import find_open_reference
from shared.text.standalone_words import (
    AUXILIARIES,
    COMPARATIVES,
    CONJUNCTIONS,
    FUNCTION_WORDS,
    OPENINGS,
    QUESTION_WORDS,
    RELATIONAL_NOUNS,
    REQUESTS,
    SECOND_SIDE,
    STATEMENTS,
    SUBJECTS,
)
from shared.text.stemming import stem

_MIN_WORDS = 3
_ELLIPSIS_WORDS = 3  # "How many teams?"
_FEW = 2  # content words, which leave it open what a question is about
_EXISTENTIAL_FEW = 3
_OF_KNOWN = word_set("how when will is are was were can could does did do has have should")

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_FOLLOW_UP = re.compile(
    r"(?:what|how) (?:about|else|if|of)\b|(?:who|where|when|why) (?:else|not)\b|how (?:so|come)$"
    r"|what for$|anything else|any (?:other|more)\b|in (?:that|this|which) case\b|i meant?\b"
    r"|(?:speaking|talking|thinking) (?:of|about)\b|(?:going|coming|getting) back\b|by the way\b"
    r"|which ones?\b|that (?:is|was|means)\b|as for\b|back to\b|(?:go|carry) (?:ahead|on)\b"
    r"|do (?:it|so)\b|one (?:last|more)\b|excuse me\b|other\b"
    r"|(?:i'll|i will|let's) (?:take|go|have|do|try|use|pick|choose|stick|keep)\b"
)
_TURN = (
    r"answer|reply|response|explanation|suggestion|recommendation|list|option|choice|example"
    r"|slot|offer"
)
_REFERENCE = re.compile(
    r"\byou(?:'ve| have)? (?:just )?(?:said|say|mentioned|told|meant|mean|suggested|listed"
    r"|wrote)\b(?! by)"
    r"|\b(?:are you saying|you are saying|you're saying|i was asking)\b"
    r"|\b(?:your|the|this|that) (?:(?:first|second|third|last|next|previous|other) )?"
    rf"(?:{_TURN})s?\b(?! (?:of|to|for|about|on)\b)"
    r"|\bthe (?:first|second|third|fourth|last|next|other|latter|former|previous|same|above|rest"
    r"|others)(?: (?:one|ones|two|three))?$"
    r"|\bthe (?:former|latter|above|aforementioned|previous)\b"
    r"|\bthe differences?\b(?!.* (?:between|from|of|in)\b)(?!.* and )"
    r"|\bthe [^\W_]+ ones?\b|\b(?:which|this|that|first|second|third|last|next|other|new|old|right"
    r"|wrong|same|the|these|those) ones?\b|(?<!than )\bone$"
    r"|\b(?:if|do|does|did) so\b(?! (?:many|much|few|little|well|often|long)\b)"
    r"|\b(?:before|after|once|until|when|if) (?:i|we) (?:go|leave|start|begin|do|come|arrive)$"
    r"|\bback then\b|\bat (?:that|this) (?:time|point)\b"
    r"|\b(?:more|some|any) (?:details?|information|info|examples?)\b(?! (?:of|about|on|for|from)\b)"
    r"|\b(?:tell|show|give|explain) (?:me |us )?(?:more|further)\b(?! (?:of|about|on)\b)"
    r"|\b(?:again|instead|too|either|otherwise|more|both|else|then|therefore|here|as well)$"
)
_WEAK_REFERENCE = re.compile(
    r"\b(?:also|again|likewise|besides|then|instead|the same(?! as)|the others?|another|anymore)\b"
)
_EXISTENTIAL = re.compile(r"(?:is|are|was|were) there\b(?!.* (?:for|to|of|in|on|with|about) )")
_RELATIONAL = re.compile(r"\b(?:the|its|their) (?:(?!for|of|in|to|on)\w+ ){0,2}(?P<noun>\w+)$")
_DEFINITION = re.compile(
    r"(?:(?:can|could|would) you (?:please )?)?(?:what|who|where|when|why)"
    r"(?:'s| is| are| was| were| does| did)\b|(?:please )?(?:explain|define|describe)\b"
)
_DEFINITE = re.compile(r"\b(?:the|your) ((?:[^\W_]+ ){0,1}[^\W_]+)")


@dataclass(frozen=True)
class _Words:
    """The words of a question: as written, and in lower case."""

    written: list[str]

    @cached_property
    def words(self) -> list[str]:
        return [word.lower() for word in self.written]

    @cached_property
    def text(self) -> str:
        return " ".join(self.words)

    @cached_property
    def content(self) -> list[str]:
        return [word for word in self.words if word not in FUNCTION_WORDS]

    @cached_property
    def has_names(self) -> bool:
        """Whether it has a number, or a capital letter within."""
        return any(
            word[0].isdigit() or (at > 0 and word[0].isupper() and word.lower() not in STATEMENTS)
            for at, word in enumerate(self.written)
        )

    def has_any(self, words: frozenset[str]) -> bool:
        return not words.isdisjoint(self.words)


def stands_alone(question: str, history: Sequence[str]) -> bool:
    """Return whether a question can be understood without the conversation before it.

    Args:
        question: the question as it was asked.
        history: the texts of the turns before it.
    """
    asked = _Words(_WORD.findall(question.replace("\u2019", "'")))
    is_short = len(asked.words) < _MIN_WORDS and not _DEFINITION.match(asked.text)
    if is_short or not asked.content or not _is_english(question, asked.words[0]):
        return False
    if asked.words[0] in CONJUNCTIONS and asked.has_names:
        asked = _Words(asked.written[1:])
    if _continues(asked) or _is_elliptic(asked) or find_open_reference(asked.written):
        return False
    return asked.has_names or not (_is_open(asked) or _repeats(asked, history))


def _is_english(question: str, first: str) -> bool:
    """Return whether a question is English, or may be and begins as an English question does."""
    may_be = are_english(question, "what is the")
    begins = first in QUESTION_WORDS | AUXILIARIES | REQUESTS and first != "was"  # German
    return are_english(question, question) or (may_be and begins)


def _continues(asked: _Words) -> bool:
    """Return whether it begins as a reply does, or names a part of the conversation."""
    if asked.words[0] in OPENINGS or _FOLLOW_UP.match(asked.text) or _REFERENCE.search(asked.text):
        return True
    return not asked.has_names and _WEAK_REFERENCE.search(asked.text) is not None


def _is_elliptic(asked: _Words) -> bool:
    """Return whether it has no verb, as "Regional differences" and "How many teams?" have none."""
    first = asked.words[0]
    if asked.has_any(AUXILIARIES) or first in REQUESTS | STATEMENTS or "'" in first:
        return False
    is_short = len(asked.words) <= _ELLIPSIS_WORDS and asked.words[1] != "to"
    return not asked.has_any(QUESTION_WORDS) or (is_short and first in {"how", "which", "what"})


def _is_open(asked: _Words) -> bool:
    """Return whether a question without names leaves open what it is about."""
    if asked.has_any(COMPARATIVES) and not asked.has_any(SECOND_SIDE):
        return True
    content = asked.content
    relational = _RELATIONAL.search(asked.text)
    if relational and relational["noun"] in RELATIONAL_NOUNS and len(content) <= _FEW:
        return True  # "What are the benefits?"
    if len(content) <= _EXISTENTIAL_FEW and _EXISTENTIAL.match(asked.text):
        return True  # "Is there an early exit fee?"
    if len(content) > 1 or _DEFINITION.match(asked.text):
        return False
    # "How do I verify?": a verb without an object; "How long will the refund take?"
    before = asked.words[asked.words.index(content[0]) - 1]
    return before in SUBJECTS or (before == "the" and asked.words[0] in _OF_KNOWN)


def _repeats(asked: _Words, history: Sequence[str]) -> bool:
    """Return whether a question without names takes up a noun of the conversation: "the refund"."""
    known = {stem(word.lower()) for turn in history for word in _WORD.findall(turn)}
    if len(asked.content) <= _FEW and any(stem(word) in known for word in asked.content):
        return True
    return any(
        word not in FUNCTION_WORDS and stem(word) in known
        for phrase in _DEFINITE.findall(asked.text)
        for word in phrase.split()
    )
