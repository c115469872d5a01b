"""Removes what a question says without asking: hesitation, politeness and greetings."""

import re

from shared.text import word_set

_NOISE_WORDS = word_set("um umm uh uhm erm hmm please pls plz kindly hi hello hey thanks thx there")
# Not in capitals: "UM" is a university and "HMM" a model.
_SOUND = r"(?:[Uu]+h*m+|[Uu]+h+|[Ee]r+m+|[Hh]+m+)(?:\.\.\.|[,.!])?(?=\s|$)"
_HESITATION = re.compile(rf"(?<!\S){_SOUND}")
# A capital inside a sentence belongs to a name: "Please Please Me".
_POLITE = re.compile(
    r"(?<!\S)(?:(?:please|pls|plz|kindly)|(?:(?<!\S\s)|(?<=[.!?,]\s))(?:Please|Pls|Plz|Kindly))"
    r"(?:\.\.\.|[,.!])?(?=\s|$)"
)
_OPENER = (
    r"(?:what|which|who|whom|whose|when|where|wherein|why|how|is|are|am|was|were|do|does|did|can|could"
    r"|will|would|shall|should|may|might|must|have|has|had|i|we|you|please|tell|show|give|find|list"
    r"|name|explain|define|describe|summari[sz]e|let|in|on|at|for|to|from|with|about|according|any)"
)
_BEGINNING = re.compile(
    r"(?:(?i:(?:hi|hello|hey|greetings|good (?:morning|afternoon|evening)|dear)"
    r"(?: (?:there|all|everyone|team))?)"
    rf"(?:[,.!]+\s*(?=\S)|\s+(?=(?i:{_OPENER}|hi|hello|hey)\b|{_SOUND}))|{_SOUND}\s*(?=\S))+"
)
_THANKS = re.compile(
    r"(?:[,.!?]+\s*|(?<!\bsay)(?<!\bthe)(?<!\bof)(?<!\bis)(?<!\bmean)\s+)"
    r"(?:many thanks|thanks|thank you|(?-i:thx|ty|cheers))"
    r"(?: (?:a lot|so much|very much|in advance))?[\s.!]*$",
    re.IGNORECASE,
)


def remove_noise(a: str, b: str) -> tuple[str, str]:
    """Return both texts without noise, or a text itself if nothing else is in it.

    Different hesitations inside stay: "What does hmm mean?" and "What does umm mean?".
    """
    one, other = map(_remove_around, (a, b))
    sounds = [_HESITATION.findall(text.lower()) for text in (one, other)]
    if not all(sounds) or sounds[0] == sounds[1]:
        one, other = (" ".join(_HESITATION.sub("", text).split()) for text in (one, other))
    return one or a, other or b


def _remove_around(text: str) -> str:
    """Remove a greeting and thanks, and "please" anywhere."""
    rest = _THANKS.sub("", _POLITE.sub("", text).strip())
    begin = _BEGINNING.match(rest)
    return " ".join((rest[begin.end() :] if begin else rest).split()).strip(" ,") or text


def find_plain_words(text: str) -> set[str]:
    """Return the words in lower case, without marks around them and without noise."""
    return {word.strip(".,;:?!\"'()") for word in text.lower().split()} - _NOISE_WORDS - {""}
