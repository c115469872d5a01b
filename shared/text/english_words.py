"""English words and proper names, in lower case: those of WordNet, and of a list of longer ones.

The list is the union of SCOWL's American and British English, size "huge", of 2020.12.07, of words
of four letters or more. Its licence is beside it, and docs/decisions/0067-a-slip-is-no-word.md has
the command that makes it.
"""

from pathlib import Path

from shared.text import word_relations, word_set
from shared.text.sorted_lines import find_line

FILE = Path(__file__).with_name("english_words.txt.gz")

_BRANDS = word_set(
    """asana canva chatgpt dosa etsy figma fiverr flickr gmail grindr hulu lyft netflix quora reddit
    roku shazam snapchat spotify strava tiktok trello tumblr venmo waze whatsapp yelp zelle"""
)
"""Words that are newer than the list and close to one of its words."""


def is_english_word(word: str) -> bool:
    """Whether a word in lower case is listed. The first calls decompress 7 MB in 30 ms."""
    files = FILE, word_relations.FILE
    return word in _BRANDS or any(find_line(file, word) is not None for file in files)
