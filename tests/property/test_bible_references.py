"""Properties of references in any text."""

import random

from hypothesis import given
from hypothesis import strategies as st

from shared.text.bible_books import NUMBERED_BOOKS, UNNUMBERED_BOOKS
from shared.text.bible_references import find_bible_references
from tests.support.data import devotionals

_PIECES = ["1", "2", "3:16", "16", "-", ",", ";", "and", "chapter", "verse", "the", "of", "first"]
_PIECES += ["\u0131", "\u0130", "\u017f", "\u212a"]  # match a-z without regard to case
_texts = st.lists(st.sampled_from([*_PIECES, *NUMBERED_BOOKS, *UNNUMBERED_BOOKS]), max_size=12).map(
    " ".join
)


@given(st.one_of(_texts, st.text(max_size=60)))
def test_references_are_in_order_and_do_not_overlap(text: str) -> None:
    found = find_bible_references(text)
    edges = [edge for reference in found for edge in (reference.start, reference.end)]
    assert edges == sorted(edges)
    assert all(0 <= reference.start < reference.end <= len(text) for reference in found)


@given(_texts)
def test_range_ends_after_its_start(text: str) -> None:
    for reference in find_bible_references(text):
        if reference.chapter and reference.end_chapter:
            start = (reference.chapter, reference.verse or 0)
            assert (reference.end_chapter, reference.end_verse or 0) >= start


def test_reference_of_a_real_note_is_the_same_on_its_own() -> None:
    notes = random.Random(4).sample(devotionals(), 100)
    passages = [
        (note["text"][found.start : found.end], found)
        for note in notes
        for found in find_bible_references(note["text"])
    ]
    whole = [(text, found) for text, found in passages if text[-1].isdigit() and text[0].isupper()]
    assert len(whole) > 20
    for text, found in whole:
        if not text.lower().startswith(("v", "chapter")):
            assert find_bible_references(text)[0].passage == found.passage
