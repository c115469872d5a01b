"""Sentence boundaries in prose and Markdown of many languages."""

from pathlib import Path

import pytest

from shared.text.sentences import find_sentence_breaks, split_sentences

TABLE = Path(__file__).parents[1] / "support" / "sentences.tsv"
"""A language and a text a line; `\u2016` ends a sentence, `\\n` is a line feed."""
MARK = "\u2016"


def rows() -> list[tuple[str, ...]]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [tuple(line.replace("\\n", "\n").split("\t")) for line in lines]


@pytest.mark.parametrize(("language", "marked"), rows())
def test_split_sentences_returns_the_sentences_of_each_language(language: str, marked: str) -> None:
    sentences = [sentence.strip() for sentence in marked.split(MARK)]
    assert split_sentences(marked.replace(MARK, "")) == sentences, language


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("- one item\n- another item", ["- one item", "- another item"]),
        ("1. The first item.", ["1. The first item."]),
        ("It ends. ", ["It ends."]),
        ("", []),
        ("One, etc.\n\nAnother paragraph", ["One, etc.", "Another paragraph"]),
    ],
)
def test_lists_and_paragraphs_end_a_sentence(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@pytest.mark.parametrize("first", ['He said, "It is I."', "He said no.", "It is Christ's."])
def test_a_short_last_word_ends_a_sentence(first: str) -> None:
    assert split_sentences(f"{first} Then he left.") == [first, "Then he left."]


def test_breaks_hold_both_offsets() -> None:
    assert list(find_sentence_breaks("One.  Two.")) == [(4, 6)]
