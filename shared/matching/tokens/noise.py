"""Removes what a question says without asking: hesitation, politeness and greetings."""

import re

from shared.text import word_set

_NOISE_WORDS = word_set("um umm uh uhm erm hmm please pls plz kindly hi hello hey thanks thx there")
_NOISE = re.compile(
    r"(?<!\S)(?:u+h*m+|u+h+|er+m+|h+m+|please|pls|plz|kindly)(?:\.\.\.|[,.!])?(?=\s|$)",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"(?:(?:hi|hello|hey|greetings|good (?:morning|afternoon|evening)|dear)"
    r"(?: (?:there|all|everyone|team))?(?:[,.!]+\s*|\s+))+(?=\S)",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"[\s,.!?]+(?:many thanks|thanks|thank you|thx|ty|cheers)"
    r"(?: (?:a lot|so much|very much|in advance))?[\s.!]*$",
    re.IGNORECASE,
)


def remove_noise(text: str) -> str:
    """Return a text without noise, or the text itself if nothing else is in it."""
    rest = _THANKS.sub("", _NOISE.sub("", text).strip())
    greeting = _GREETING.match(rest)
    return " ".join((rest[greeting.end() :] if greeting else rest).split()).strip(" ,") or text


def find_plain_words(text: str) -> set[str]:
    """Return the words in lower case, without marks around them and without noise."""
    return {word.strip(".,;:?!\"'()") for word in text.lower().split()} - _NOISE_WORDS - {""}
