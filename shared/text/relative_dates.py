"""Finds questions whose answer depends on the day: "yesterday", "next Sunday", "how old is Ben".

In doubt a question depends on the day. Its answer is then cached for that day only, while a
question that is missed is answered from another day. `relative_dates.txt` lists the words: many of
English, the common ones of other languages.
"""

import re
from pathlib import Path

from shared.text import remove_accents

_WORD = re.compile(r"\w+")
_HOW = frozenset(("long", "many", "much", "far"))
_UNTIL = frozenset(
    ("until", "till", "til", "left", "remain", "remaining", "remains", "away", "since")
)
_ARTICLES = frozenset(("the", "which", "what", "der", "dem", "la", "le", "el", "il", "o", "de"))


def _fold(text: str) -> str:
    """Return a text in lower case without accents, which people often omit."""
    text = text.casefold()
    if text.isascii():
        return text
    return remove_accents(text, "NFKD")


def _read_sections() -> dict[str, str]:
    text = _fold(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8"))
    sections = re.findall(r"^\[(\w+)\]\n([^[]+)", text, re.MULTILINE)
    return {name: words.strip() for name, words in sections}


_SECTIONS = _read_sections()
_WORDS, _UNITS, _SEASONS, _THIS, _PREPOSITIONS, _PARTS = (
    frozenset(_SECTIONS[name].split())
    for name in ("words", "units", "seasons", "this", "prepositions", "parts")
)
_PERIODS = _UNITS | _SEASONS
# One pattern takes a quarter of the time of a search for each phrase.
_PHRASE = re.compile(" (?:" + _SECTIONS["phrases"].replace("\n", "|") + ") ")


def depends_on_day(text: str) -> bool:
    """Return whether the answer to a question depends on the day, in linear time."""
    folded = _fold(text)
    words = _WORD.findall(folded)
    if words[:1] == ["now"]:  # "Now what is faith?"
        del words[0]
    return (
        not _WORDS.isdisjoint(words)
        or _asks_for_the_rest(words)
        or (not _PERIODS.isdisjoint(words) and _has_relative_period(words))
        or _PHRASE.search(f" {' '.join(words)} ") is not None
        or (not folded.isascii() and any(part in folded for part in _PARTS))
    )


def _asks_for_the_rest(words: list[str]) -> bool:
    """Return whether it is like "how many days until Christmas"."""
    return "how" in words and not (_HOW.isdisjoint(words) or _UNTIL.isdisjoint(words))


def _has_relative_period(words: list[str]) -> bool:
    """Return whether a period is related to now: "this winter", "in three days"."""
    for at, word in enumerate(words):
        if at and word in _PERIODS:
            before = words[max(0, at - 3) : at]
            if not _THIS.isdisjoint(before[-2:]):
                return True
            is_count = word in _UNITS and before[-1] not in _ARTICLES
            if is_count and not _PREPOSITIONS.isdisjoint(before[:-1]):
                return True
    return False
