"""Finds the ends of sentences in prose and Markdown of any language.

`shared/text/abbreviations.py` lists the words after which a full stop ends no sentence.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from shared.text.abbreviations import (
    BEFORE_NUMBER,
    NAME_PARTICLES,
    NEVER_LAST,
    SELDOM_LAST,
    SENTENCE_OPENERS,
)

# Possessive quantifiers keep the time linear in the length of any text.
_SENTENCE_END = re.compile(
    r"""
    (?P<end>
      (?<![.!?\u2026])(?P<stop>[.!?\u2026\u037e\u203c\u2047-\u2049]++)
      (?P<closing>[^\S\n][\u00bb\u203a]|["'\u2019\u201c\u201d\u00ab\u00bb\u2039\u203a)\]*_~]*+)
      (?:\[(?:\^[^\]\s]{1,60}|\d{1,3})\]|[\u00b9\u00b2\u00b3\u2070-\u2079])*+  # footnotes
      (?:[^\S\n]++\#[\w/-]*[^\W\d][\w/-]*+)*+  # tags
      (?=\s)
      # The full stops of scripts without capital letters.
    | [\u3002\uff01\uff1f\uff61\uff0e\u061f\u06d4\u0964\u0965\u1362\u1367\u1803\u0589\u104b\u17d4]++
      [\u300d\u300f\u3011\u201d\u2019\uff09)"']*+
      (?!(?<=[\u300d\u300f])\u3068)  # a Japanese quotation that goes on: "..." to
    )\s*+
  | \n[^\S\n]*+(?=(?:[-*+]|\d{1,9}[.)])\s)  # the next item of a list
    """,
    re.VERBOSE,
)
_REACH = 24  # characters before a full stop in which an abbreviation begins
_LAST_WORDS = re.compile(r"(?:(?<![^\W_])(?<!['\u2019])[^\W_]+\.[^\S\n]?-?){1,3}\Z")
_NEXT_WORD = re.compile(r"([^\W\d_]++)(\.?)")
_NUMBERED_ITEM = re.compile(r"^[^\S\n]*+\d++\.\Z", re.MULTILINE)

# German has ordinal numbers with a full stop before capitalized nouns.
_GERMAN = re.compile(
    r"\b(?:und|der|das|ist|nicht|mit|auf|f\u00fcr|eine[mnrs]?|wird|war|zum|vom|beim|sein(?:e[mnrs]?)?"
    r"|(?<!['\u2019])im|(?<!\bI\s)am)\b",
    re.IGNORECASE,
)
_REST_OF_DATE = re.compile(
    r"(?:Jan(?:uar)?|J\u00e4nner|Feb(?:ruar)?|M\u00e4rz|April?|Mai|Ju[nl]i|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Okt(?:ober)?|Nov(?:ember)?|Dez(?:ember)?)\b"
    r"|(?:1[0-2]|0?[1-9])\.[^\S\n]*+\d{2,4}\b|(?:19|20)\d\d\b"
)
_MAX_ORDINAL_DIGITS = 3
_LINE_ENDS_OF_BLANK_LINE = 2


class SentenceBreak(NamedTuple):
    """The offsets where one sentence ends and the next one starts."""

    end: int
    next_start: int


def find_sentence_breaks(text: str) -> Iterator[SentenceBreak]:
    """Find the breaks between sentences, in order, in linear time.

    A full stop after an initial, an abbreviation or an ordinal number is no break, nor is one
    before a lower-case letter, unless the whole text is in lower case. Closing quotation marks,
    footnotes and tags belong to their sentence. A new list item is a break.
    """
    is_lower_case = text.islower()
    is_german: bool | None = None
    for found in _SENTENCE_END.finditer(text):
        start, end = found.span("end") if found["end"] else (found.start(), found.start())
        if found["stop"] and found[0].count("\n") < _LINE_ENDS_OF_BLANK_LINE:
            if text[found.end() : found.end() + 1].islower() and not is_lower_case:
                continue
            if found["stop"] == "." and not found["closing"]:
                if is_german is None:
                    is_german = _GERMAN.search(text) is not None
                if _goes_on(text, start, found.end(), is_german=is_german):
                    continue
        yield SentenceBreak(end, found.end())


def _goes_on(text: str, stop: int, following: int, *, is_german: bool) -> bool:
    """Return whether the full stop at `stop` belongs to a number, an initial or an abbreviation."""
    reach = max(0, stop - _REACH)
    found = _LAST_WORDS.search(text, reach, stop + 1) if text[stop - 1 : stop].isalnum() else None
    if not found:
        return False
    words = ["".join(word.split()).strip("-") for word in found[0].casefold().split(".")[:-1]]
    next_found = _NEXT_WORD.match(text, following)
    next_word = next_found[1].casefold() if next_found else ""
    next_part = next_word if next_found and next_found[2] else ""  # of the same abbreviation
    opens = next_word in SENTENCE_OPENERS and len(next_part) != 1
    last = words[-1]
    if last.isdecimal():
        is_ordinal = is_german and next_word and not opens
        return len(last) <= _MAX_ORDINAL_DIGITS and bool(
            is_ordinal
            or _REST_OF_DATE.match(text, following)
            or _NUMBERED_ITEM.search(text, reach, stop + 1)
        )
    endings = {".".join(words[first:]) for first in range(len(words))}
    if next_part:
        endings |= {f"{ending}.{next_part}" for ending in endings}
    if not endings.isdisjoint(NEVER_LAST):
        return True
    if last in BEFORE_NUMBER and text[following : following + 1].isdecimal():
        return True
    is_initial = len(last) == 1 and (
        len(words) > 1 or len(next_part) == 1 or text[stop - 1].isupper()
    )
    if is_initial and next_word in NAME_PARTICLES:
        return True
    is_abbreviation = is_initial or last.endswith("str") or not endings.isdisjoint(SELDOM_LAST)
    return is_abbreviation and not opens


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences, without the whitespace between them."""
    sentences, start = [], 0
    for end, next_start in find_sentence_breaks(text):
        sentences.append(text[start:end])
        start = next_start
    return [*sentences, text[start:]] if text[start:] else sentences
