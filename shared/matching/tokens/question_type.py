"""What kind of thing a question asks for: a person, a time, a way, a yes or no.

The kind is read from how a question opens, and the words that said it are taken off, so that
"What is the best way to learn Greek?" and "How can I learn Greek?" become one: a way, "learn
greek".
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
_HOW_FAR = (
    "long|old|far|often|big|large|tall|high|deep|soon|fast|quickly|hard|difficult|easy|good|bad|safe"
    "|important|close|near|late|early|heavy|strong|likely|accurate|effective|dangerous|expensive"
    "|smart|rich|powerful|true|wide|small|well|successful"
)

# What people say before the question itself.
_COURTESY = re.compile(
    r"(?:(?:please|kindly|hey|hi|hello|so|and|but|well|ok|okay|then|now"
    r"|(?:can|could|would|will) (?:you|anyone|anybody|someone|somebody)(?: please| kindly)?"
    r" (?:tell|show|help|teach|advise|inform|let)(?: me| us)?(?: know| understand)?(?: about)?"
    r"|(?:do|does) (?:you|anyone|anybody|someone)(?: here)?(?: happen to)? know"
    r"|i (?:just )?(?:want|need|would like|wish|am trying|would love)"
    r" to (?:know|understand|find out)(?: (?:more|something))?(?: about)?"
    r"|i (?:am|was) (?:curious|wondering)(?: about| to know)?|i wonder"
    r"|(?:tell|show|let|give|teach|help) (?:me|us)(?: know| to)?(?: more| something)?"
    r"(?: about| an overview of)?(?: please)?"
    r"|i (?:really )?need (?:some )?help (?:with|to))\s)+"
)

# Kind, opening: the first that fits is the one. What a group caught is handed on to what is
# asked about: `subject` before the rest, `word` and `mark` (the question word's preposition) after.
_OPENINGS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("how", rf"(?:what|which) {_BE} {_WAY}"),
        ("how", rf"(?:is|are) there {_WAY}"),
        ("how", rf"what {_THE}ways? (?:can|could|should) {_ANYONE} "),
        ("how", rf"what {_DO} {_ANYONE} (?:(?:have|need) to )?do (?:so as )?to "),
        ("how", r"(?:ways?|steps|best way) to "),
        ("how many", rf"how many |(?:what {_BE} )?(?:the )?(?:total )?number of "),
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
    """What a question asks for, and what is left of it to say about what.

    `types` holds more than one where the question leaves it open: "explain faith" may be answered
    like "what is faith" and like "what is the meaning of faith". `rest` is what was said before
    the opening, a bar, and what came after it. `words` tell tense, persons and denials: all
    words but courtesies and turns of phrase.
    """

    types: frozenset[str]
    rest: str
    words: list[str]


def parse_question_type(text: str) -> QuestionType:
    """Read the form of a lower-case text of words with one blank between them."""
    text += " "
    courtesy = _COURTESY.match(text)
    text = text[courtesy.end() :] if courtesy else text
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
    if kind in {"how", "why", "how many", "how much"} and not found[0].startswith(("how", "why")):
        words = (before + rest).split()  # the "is" of "what is the way" says nothing of when
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
