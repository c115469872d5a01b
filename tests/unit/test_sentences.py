"""Sentence boundaries in prose, Markdown, Chinese and Japanese."""

import pytest

from shared.text.sentences import find_sentence_breaks, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("He said (quietly.) Then he left.", ["He said (quietly.)", "Then he left."]),
        ("Wait\u2026 What?!  Yes.", ["Wait\u2026", "What?!", "Yes."]),
        ("\u4e00\u4e8c\u3002\u4e09\u56db\u3002", ["\u4e00\u4e8c\u3002", "\u4e09\u56db\u3002"]),
        ("all is in lower case. so is this.", ["all is in lower case.", "so is this."]),
        ("- one item\n- another item", ["- one item", "- another item"]),
        ("It ends. ", ["It ends."]),
        ("", []),
    ],
)
def test_split_sentences_returns_each_sentence(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met C. S. Lewis.",
        "Love is patient (1 Cor. 13) and kind.",
        "See Fig. 3 for this.",
        "1. The first item.",
        "It stops... then it goes on.",
        "It costs 3.50 euros.",
        "Read it, e.g. Genesis.",
    ],
)
def test_split_sentences_does_not_split_after_abbreviations(text: str) -> None:
    assert split_sentences(text) == [text]


def test_a_name_that_is_also_an_abbreviation_ends_a_sentence() -> None:
    assert split_sentences("I met Sam. He was early.") == ["I met Sam.", "He was early."]


@pytest.mark.parametrize("first", ['He said, "It is I."', "He said no.", "It is Christ's."])
def test_a_short_last_word_ends_a_sentence(first: str) -> None:
    assert split_sentences(f"{first} Then he left.") == [first, "Then he left."]


def test_breaks_hold_both_offsets() -> None:
    assert list(find_sentence_breaks("One.  Two.")) == [(4, 6)]
