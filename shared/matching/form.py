"""What kind of thing a question asks for: a person, a time, a way, a yes or no.

The kind is read from how a question opens, and the words that said it are taken off, so that
"What is the best way to learn Greek?" and "How can I learn Greek?" become one: a way, "learn
greek".
"""

import re
from typing import NamedTuple

_BE = r"(?:is|are|was|were|am|be)"
_SOMEONE = (
    r"(?:i|you|we|one|u|someone|somebody|anyone|people|a person|a man|a beginner|an individual)"
)
_DO = r"(?:do|does|did|can|could|should|would|will|might|may|must|shall)"
_THE = r"(?:(?:the|a|an|some|any|your|all|few|various|different|possible|of|exactly|really)\s+)*"
_GOOD = r"(?:(?:best|good|better|right|correct|proper|ideal|perfect|most effective|effective)\s+)*"
_KIND_OF_WAY = r"(?:(?:fast|fastest|quickest|quick|easiest|easy|simplest|simple|cheapest)\s+)"
_WAY = (
    rf"{_THE}{_GOOD}(?P<speed>{_KIND_OF_WAY}?){_THE}"
    r"(?:ways?|methods?|means|steps?|procedure|process|techniques?)\s+"
    rf"(?:(?:in|by) which\s+|that\s+)?(?:(?:for\s+)?{_SOMEONE}\s+(?:can|could|should|may)\s+|to\s+)"
)

_OPENERS = re.compile(
    r"^(?:(?:"
    r"please|kindly|hey|hi|hello|so|and|but|well|ok|okay|then|now"
    r"|(?:can|could|would|will) (?:you|anyone|anybody|someone|somebody|u)(?: please| kindly)?"
    r" (?:tell|show|help|teach|advise|inform|let)(?: me| us)?(?: know| understand)?(?: about)?"
    r"|(?:do|does) (?:you|anyone|anybody|someone)(?: here)?(?: happen to)? know"
    r"|i (?:just )?(?:want|need|would like|wish|am trying|would love) to (?:know|understand|find out)(?: about)?"
    r"|i (?:am|was) (?:curious|wondering)(?: about| to know)?|i wonder"
    r"|(?:tell|show|let|give|teach) (?:me|us)(?: know)?(?: about)?(?: please)?"
    r")\s+)+"
)

# One alternative a kind of opening, tried in this order at the start.
_OPENINGS = re.compile(
    "|".join(
        (
            rf"(?P<way>(?:what|which) (?:{_BE}|would be|could be) {_WAY}"
            rf"|(?:is|are) there {_WAY}|what {_THE}ways?(?: can| could| should) {_SOMEONE} "
            rf"|what (?:can|should|could|must|would|do|does) {_SOMEONE} (?:(?:have|need) to )?do (?:so as )?to "
            rf"|(?:best|good|easiest) ways? to |ways to |steps to )",
            rf"(?P<how_many>how many\s|(?:what {_BE} )?(?:the )?(?:total )?number of )",
            r"(?P<how_much>how much\s)",
            r"(?P<how_far>how (?P<adjective>long|old|far|often|big|large|tall|high|deep|soon|fast|quickly|hard"
            r"|difficult|easy|good|bad|safe|important|close|near|late|early|heavy|strong|likely|accurate"
            r"|effective|dangerous|expensive|smart|rich|powerful|true|wide|small|well|successful)\s)",
            r"(?P<reason>why\s|how come\s|for (?:what|which) reasons? "
            rf"|what (?:{_BE}|could be|would be) (?:the |some |a )?(?:main )?reasons? (?:why|for|behind|that) )",
            rf"(?P<how>how (?:{_DO} )?{_SOMEONE} (?:be able to )?|how to |how )",
            r"(?P<time>when\s|(?:at |in |on )?(?:what|which) (?:time|year|date|day|month)\s"
            rf"|what {_BE} the (?:date|time|year) (?:of|when|that) )",
            rf"(?P<place>where\s|(?:at |in )?(?:what|which) (?:place|location)s?\s|what {_BE} the (?:location|place) of )",
            r"(?P<owner>whose\s)",
            r"(?P<person>(?:(?P<to_whom>by|to|with|for|from|of|in|on) )?(?:who|whom)\s|(?:what|which) persons?\s)",
            rf"(?P<meaning>what {_BE} (?:the )?(?:exact |real |true |actual )?(?:meaning|definition) of )",
            rf"(?P<definition>define |(?:the )?definition of |(?:the )?meaning of |what {_BE} meant by "
            r"|what do (?:you|we|they) mean by |(?:can|could|would) you (?:please )?(?:define|explain|describe) "
            r"|explain (?:to me )?|describe (?:to me )?)",
            r"(?P<what>(?:(?P<in_what>by|to|with|for|from|of|in|into|on|unto|at|about) )?(?:what|which)\s)",
            r"(?P<where_in>where(?P<preposition>in|by|of|to|unto|into|with|upon)\s)",
            r"(?P<whether>(?:whether|if|is|are|was|were|am|do|does|did|can|could|should|would|will"
            r"|shall|may|might|must|has|have|had|ought|need|dost|doth)\s)",
        )
    )
)

_LATER = re.compile(r"\b(?:how|what|which|who|whom|why|where|when|whose)\b")

_ABILITY = re.compile(
    r"^(?:can|could|may|might)\b|^(?:is|are|was) (?:it |\w+ )?(?:possible|able|allowed)\b"
)
_DUTY = re.compile(r"^(?:should|ought|shall)\b")
_NEED = re.compile(r"^(?:must|need|has to|have to|do \w+ (?:have|need) to|does \w+ (?:have|need) to)\b")
_WILL = re.compile(r"^(?:will|would)\b|^(?:is|are|am) (?:\w+ )?going to\b")


class Form(NamedTuple):
    """What a question asks for, and what is left of it to say about what.

    `kinds` holds more than one where the wording leaves it open: "explain faith" may be answered
    like "what is faith" and like "what is the meaning of faith". `rest` is what was said before
    the opening, a bar, and what came after it.
    """

    kinds: frozenset[str]
    rest: str


_KINDS = {
    "way": {"how"},
    "how": {"how"},
    "meaning": {"meaning"},
    "definition": {"what", "meaning"},
    "what": {"what"},
    "where_in": {"what"},
}


def read(text: str) -> Form:
    """Read the form of a lower-case text without punctuation or contractions."""
    text = _OPENERS.sub("", text + " ")
    before = ""
    opening = _OPENINGS.match(text)
    if opening is None:
        later = _LATER.search(text)
        if later is None:
            return Form(frozenset({"none", "what"}), text.strip())
        before, text = text[: later.start()], text[later.start() :]
        opening = _OPENINGS.match(text)
        if opening is None:
            return Form(frozenset({"none", "what"}), (before + text).strip())
    kind = opening.lastgroup or ""
    kind = next(name for name in _NAMES if opening[name])
    rest = text[opening.end() :]
    kinds = _KINDS.get(kind, {kind})
    if kind == "whether":
        kinds, rest = {_modality(text)}, rest
    elif kind == "how_far":
        kinds = {f"how {opening['adjective']}"}
    elif kind == "how_much" and re.search(r"\b(?:cost|costs)\b", rest):
        kinds = {"how_much", "what"}
    elif kind == "way" and opening["speed"]:
        rest = f"{opening['speed']} {rest}"
    elif kind == "what":
        rest, kinds = _asks_meaning(rest)
    elif kind == "definition":
        rest = re.sub(r"\bto me\b", "", rest)
    marker = opening["to_whom"] or opening["in_what"] or opening["preposition"]
    return Form(frozenset(kinds), f"{before}| {rest}{marker or ''}".strip())


_NAMES = (
    "way how_many how_much how_far reason how time place owner person meaning definition what"
    " where_in whether"
).split()


def _asks_meaning(rest: str) -> tuple[str, set[str]]:
    """"What does X mean" asks what X is."""
    asked = re.match(r"(?:does|do|did) (.*) means?\s*(?:to you)?$", rest.strip())
    if asked:
        return asked[1] + " ", {"what", "meaning"}
    return rest, {"what"}


def _modality(text: str) -> str:
    if _ABILITY.match(text):
        return "whether possible"
    if _NEED.match(text):
        return "whether necessary"
    if _DUTY.match(text):
        return "whether advisable"
    return "whether coming" if _WILL.match(text) else "whether so"
