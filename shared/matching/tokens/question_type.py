"""Finds the type of a question: whether it asks for a person, a time, a way, a yes or no.

The opening of a question determines its type and is removed. "What is the best way to learn Greek?"
and "How can I learn Greek?" both have the type "how" and the remainder "learn greek".
"""

import re
from typing import NamedTuple

_BE = r"(?:is|are|was|were|am|be|would be|could be|will be|has been)"
_DO = r"(?:do|does|did|can|could|should|would|will|might|may|must|shall)"
_ANYONE = r"(?:i|you|we|one|someone|somebody|anyone|people|a person|a man|a beginner|an individual)"
_THE = r"(?:(?:the|a|an|some|any|your|all|few|various|different|possible)\s)*"
_GOOD = r"(?:(?:best|good|better|right|correct|proper|ideal|perfect|most effective|effective)\s)*"
_SPEED = r"(?P<word>(?:fast|fastest|quickest|quick|easiest|easy|simplest|simple|cheapest)\s)?"
_COST = r"(?:(?:average|approximate|total|usual) )?(?:cost|price|fee)s? (?:of|for) "
_WAY = (
    rf"{_THE}{_GOOD}{_SPEED}{_THE}(?:way|method|means|step|procedure|process|technique)s?\s"
    rf"(?:(?:in|by) which\s|that\s)?(?:(?:for\s)?{_ANYONE}\s(?:can|could|should|may)\s|to\s)"
)
# "The number of the bus" is no question for how many.
_SEVERAL = r"(?!(?:the|an?|this|that|my|our|your|his|her|its|their) )"
_HOW_FAR = (
    "long|old|far|often|big|large|tall|high|deep|soon|fast|quickly|hard|difficult|easy|good|bad|safe"
    "|important|close|near|late|early|heavy|strong|likely|accurate|effective|dangerous|expensive"
    "|smart|rich|powerful|true|wide|small|well|successful"
)

# Polite phrases before the question.
_COURTESY = re.compile(
    r"(?:(?:please|kindly|hey|hi|hello|so|and|but|well|ok|okay|then|now"
    r"|(?:can|could|would|will) (?:you|anyone|anybody|someone|somebody)(?: please| kindly)?"
    r" (?:tell|show|help|teach|advise|inform|let|remind)(?: me| us)?(?: know| understand)?"
    r"(?: about)?"
    r"|(?:do|does) (?:you|anyone|anybody|someone)(?: here)?(?: happen to)? know"
    r"|i (?:just )?(?:want|need|would like|wish|am trying|would love)"
    r" to (?:know|understand|find out)(?: (?:more|something))?(?: about)?"
    r"|i am not (?:quite |really )?sure(?: about)?|i do not (?:really )?(?:know|understand)"
    r"|i (?:am|was) (?:curious|wondering)(?: about| to know)?|i wonder"
    r"|(?:tell|show|let|give|teach|help|remind) (?:me|us)(?: know| to)?(?: more| something)?"
    r"(?: about| an overview of)?(?: please)?"
    r"|i (?:really )?need (?:some )?help (?:with|to))\s)+"
)

# Question type and opening; the first match counts. Named groups become part of the remainder:
# `subject` at its start, `word` and `mark` (the preposition of the question word) at its end.
_OPENINGS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("how", rf"(?:what|which) {_BE} {_WAY}"),
        ("how", rf"(?:is|are) there {_WAY}"),
        ("how", rf"what {_THE}ways? (?:can|could|should) {_ANYONE} "),
        ("how", rf"what {_DO} {_ANYONE} (?:(?:have|need) to )?do (?:so as )?to "),
        ("how", r"(?:ways?|steps|best way) to "),
        ("how many", rf"how many |(?:what {_BE} )?(?:the )?(?:total )?number of {_SEVERAL}"),
        ("how much", r"how much "),
        ("how much", rf"what {_BE} {_THE}{_COST}"),
        ("how far", rf"how (?P<far>{_HOW_FAR}) "),
        ("why", r"why (?:is it that )?|how come |for (?:what|which) reasons? "),
        ("why", rf"what {_BE} {_THE}(?:main )?reasons? (?:why|for|behind|that) "),
        ("feeling", r"what (?:does|did|would|is|was) it (?:feel |be )?like (?=to |\w+ing )"),
        ("feeling", r"how (?:does|did|would) it feel (?:like )?(?=to |\w+ing )"),
        ("how", rf"how (?:{_DO} )?{_ANYONE} (?:{_DO} )?(?:be able to )?|how to |how "),
        ("when", r"when |(?:at |in |on )?(?:what|which) (?:time|year|date|day|month) "),
        ("when", rf"what {_BE} the (?:date|time|year) (?:of|when|that) "),
        ("where", rf"(?:what|which) {_BE} {_THE}{_GOOD}places? (?:where {_ANYONE} can|to|for) "),
        ("where", r"where |(?:at |in )?(?:what|which) (?:place|location)s? "),
        ("where", rf"what {_BE} the (?:location|place) of "),
        ("whose", r"whose "),
        ("who", r"(?:(?P<mark>by|to|with|for|from|of|in|on) )?whom? |(?:what|which) persons? "),
        ("meaning", rf"what {_BE} (?:the )?(?:\w+ )?(?:meaning|definition) of "),
        ("definition", rf"what {_BE} meant by |what do (?:you|we|they) mean by |define "),
        ("definition", r"(?:the )?(?:definition|meaning) of "),
        (
            "definition",
            r"(?:(?:can|could|would) you (?:please )?)?(?:define|explain|describe) (?:to me )?",
        ),
        ("what", r"(?:(?P<mark>by|to|with|for|from|of|in|into|on|at|about) )?(?:what|which) "),
        ("what", r"where(?P<mark>in|by|of|to|into|with|upon) "),
        ("whether so", r"is it true that "),
        ("whether possible", rf"(?:is|was) it possible (?:for {_ANYONE} )?to "),
        ("whether possible", r"(?:is|are|was|were|am) (?P<subject>\w+ )able to "),
        ("whether possible", r"(?:can|could|may|might) "),
        ("whether necessary", r"(?:do|does|did) (?P<subject>\w+ )(?:have|need) to "),
        ("whether necessary", r"(?:must|need) "),
        ("whether advisable", r"(?:should|ought|shall) "),
        ("whether coming", r"(?:is|are|am) (?P<subject>\w+ )going to |(?:will|would) "),
        ("whether so", rf"(?:whether|if|{_BE}|{_DO}|has|have|had) "),
    )
)
_LATER = re.compile(r"\b(?:how|what|which|who|whom|why|where|when|whose) ")
_EFFECT = re.compile(
    rf"what {_BE} (?:the )?(?:\w+ )?(?:effect|impact|influence|consequence)s? of (.+?) (?:on|upon) "
)
_MEANS = re.compile(r"(?:does|do|did) (.*) means? *(?:to you)?$")


class QuestionType(NamedTuple):
    """The type of a question, and the question without its opening.

    Args:
        types: the possible types. "Explain faith" can be answered like "what is faith" and like
            "what is the meaning of faith".
        remainder: the text before the opening, "|", and the text after it.
        words: all words except polite phrases, for the rules about tense, pronouns and negation.
    """

    types: frozenset[str]
    remainder: str
    words: list[str]


def parse_question_type(text: str) -> QuestionType:
    """Parse a lower-case text of words with one space between them."""
    text += " "
    courtesy = _COURTESY.match(text)
    if courtesy and courtesy.end() < len(text):
        text = text[courtesy.end() :]
    words = text.split()
    text = _EFFECT.sub(r"how does \1 affect ", text)
    before = ""
    opening = _opening(text)
    if opening is None and (later := _LATER.search(text)):
        before, text = text[: later.start()], text[later.start() :]
        opening = _opening(text)
    if opening is None:
        return QuestionType(frozenset({"none", "what"}), before + text.strip(), words)
    kind, found = opening
    groups = found.groupdict(default="")
    rest = text[found.end() :]
    types = {kind}
    asks_how = kind in {"how", "why", "how many", "how much"}
    if found[0].startswith("is it true") or (asks_how and not found[0].startswith(("how", "why"))):
        words = (before + rest).split()  # the "is" of "what is the way" is no tense
    if kind == "how far":
        types = {f"how {groups['far']}"}
    elif kind == "how much" and found[0].startswith(("what", "which")):
        rest += "cost "
    elif kind == "definition":
        types, rest = {"what", "meaning"}, rest.replace(" to me ", " ")
        words = rest.split()
    elif kind == "what" and (means := _MEANS.match(rest.strip())):
        types, rest = {"what", "meaning"}, means[1] + " "
    first, last = groups.get("subject", ""), groups.get("word", "") + groups.get("mark", "")
    rest = f"{first}{rest}{last}"
    return QuestionType(frozenset(types), f"{before}| {rest}".strip(), words)


def _opening(text: str) -> tuple[str, re.Match[str]] | None:
    for kind, pattern in _OPENINGS:
        found = pattern.match(text)
        if found:
            return kind, found
    return None
