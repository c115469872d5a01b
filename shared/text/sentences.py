"""Finds the ends of sentences in English prose and Markdown, and in Chinese and Japanese."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# Possessive quantifiers keep the time linear in the length of any text.
_SENTENCE_END = re.compile(
    r"(?P<end>(?<![.!?\u2026])(?P<stop>[.!?\u2026]++)[\"'\u2019\u201d\u00bb)\]*_]*+(?=\s)"
    r"|[\u3002\uff01\uff1f]++[\u300d\u300f\u201d\uff09]*+)\s*+"
    r"|\n[^\S\n]*+(?=(?:[-*+]|\d{1,9}[.)])\s)"  # the next item of a list
)

# A numbered item, an initial or an abbreviation: its full stop ends no sentence.
_ABBREVIATION = re.compile(
    r"(?:^[^\S\n]*\d+|(?<![\w'\u2019])(?:[^\W\d_]|e\.g|i\.e|Mr|Mrs|Ms|Dr|St|Sr|Jr|Rev|Prof|Fr|Vol|Chap"
    r"|p{1,2}|cf|vs|v{1,2}|vss|ch|viz))\.\Z",
    re.IGNORECASE | re.MULTILINE,
)
# Abbreviations only where a number follows, for example "Gen. 1", since some are also names.
_BEFORE_NUMBER = re.compile(
    r"(?<!\w)(?:No|Fig|Sec|Gen|Exod?|Lev|Num|Deut|Josh|Judg|Sam|Kgs|Chron|Neh|Esth|Ps|Prov|Eccl|Isa"
    r"|Jer|Lam|Ezek|Dan|Hos|Mic|Hab|Zech|Mal|Matt|Rom|Cor|Gal|Eph|Phil|Col|Thess|Tim|Tit|Heb|Jas"
    r"|Pet)\.\Z"
)
_ABBREVIATION_REACH = 12


class SentenceBreak(NamedTuple):
    """The offsets where one sentence ends and the next one starts."""

    end: int
    next_start: int


def find_sentence_breaks(text: str) -> Iterator[SentenceBreak]:
    """Find the breaks between sentences, in order.

    A full stop after an initial or a common abbreviation is no break, nor is one before a
    lower-case letter, unless the whole text is in lower case. A new list item is a break.
    """
    is_lower_case = text.islower()
    for found in _SENTENCE_END.finditer(text):
        stop = found.end("stop")
        following = text[found.end() : found.end() + 1]
        goes_on = following.islower() and not is_lower_case
        is_closed = stop < found.end("end")  # by a quotation mark or a bracket
        if found["stop"] and (
            goes_on or (not is_closed and _is_abbreviation(text, stop, following))
        ):
            continue
        yield SentenceBreak(
            found.start() if found["end"] is None else found.end("end"), found.end()
        )


def _is_abbreviation(text: str, stop: int, following: str) -> bool:
    reach = max(0, stop - _ABBREVIATION_REACH)
    if _ABBREVIATION.search(text, reach, stop):
        return True
    return following.isdecimal() and _BEFORE_NUMBER.search(text, reach, stop) is not None


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences, without the whitespace between them."""
    sentences, start = [], 0
    for end, next_start in find_sentence_breaks(text):
        sentences.append(text[start:end])
        start = next_start
    return [*sentences, text[start:]] if text[start:] else sentences
