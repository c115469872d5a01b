"""English words and proper names of four letters or more, in lower case.

The list is the union of SCOWL's American and British English, size "huge", of 2020.12.07. Its
licence is beside it, and docs/decisions/0067-a-slip-is-no-word.md has the command that makes it.
"""

import gzip
from bisect import bisect_left
from functools import cache
from pathlib import Path

from shared.text import word_set

_BRANDS = word_set(
    """asana canva chatgpt dosa etsy figma fiverr flickr gmail grindr hulu lyft netflix quora reddit
    roku shazam snapchat spotify strava tiktok trello tumblr venmo waze whatsapp yelp zelle"""
)
"""Words that are newer than the list and close to one of its words."""


def is_english_word(word: str) -> bool:
    """Whether a word in lower case is in the list. The first call decompresses 3 MB in 14 ms."""
    words, sought = _load(), word.encode()
    place = bisect_left(range(len(words)), sought, key=lambda at: _line_at(words, at))
    return word in _BRANDS or (place < len(words) and _line_at(words, place) == sought)


def _line_at(words: bytes, place: int) -> bytes:
    start = words.rfind(b"\n", 0, place) + 1
    return words[start : words.index(b"\n", place)]


@cache
def _load() -> bytes:
    return gzip.decompress(Path(__file__).with_name("english_words.txt.gz").read_bytes())
