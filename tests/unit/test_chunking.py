"""Tests of how notes are split into chunks."""

import json
from functools import partial

import numpy as np
import pytest

from shared.text.bible_references import find_bible_references
from tests.support.chunks import split
from tests.support.data import devotionals, real_data
from tests.support.growth import assert_linear


def sentences(count: int, *, words: int = 10) -> list[str]:
    return [" ".join([f"S{n}", *(["word"] * (words - 2)), f"end{n}."]) for n in range(count)]


@pytest.mark.parametrize("blank", ["", " ", "\r\n\t\n", "\0", "\u3000\u00a0"])
def test_blank_text_has_no_chunks(blank: str) -> None:
    assert split(blank) == []


def test_short_text_is_one_unchanged_chunk() -> None:
    assert split("# Title\n\nOne. Two.\n\nThree.") == ["# Title\n\nOne. Two.\n\nThree."]


def test_chunks_are_whole_sentences_up_to_the_word_limit() -> None:
    text = " ".join(sentences(10))
    assert split(text, max_words=35, overlap_words=0) == [
        " ".join(sentences(10)[start : start + 3]) for start in (0, 3, 6, 9)
    ]


def test_chunk_starts_with_the_last_sentences_of_the_chunk_before() -> None:
    given = sentences(7)
    assert split(" ".join(given), max_words=30, overlap_words=15) == [
        " ".join(given[start : start + 3]) for start in (0, 2, 4)
    ]


def test_overlap_is_dropped_when_the_next_sentence_needs_the_space() -> None:
    short, long = sentences(3), sentences(1, words=28)
    assert split(" ".join(short + long), max_words=30, overlap_words=10) == [
        " ".join(short),
        *long,
    ]


def test_paragraph_that_fits_one_chunk_is_not_split() -> None:
    first, second = " ".join(sentences(3)), " ".join(sentences(3, words=9))
    assert split(f"{first}\n\n{second}", max_words=45, overlap_words=0) == [
        first,
        second,
    ]


@pytest.mark.parametrize("heading", ["## Grace", "Grace\n=====", "# A\n\n## B", "# A\n## B ##"])
def test_heading_is_in_the_same_chunk_as_its_text(heading: str) -> None:
    first, second = " ".join(sentences(2)), " ".join(sentences(2))
    text = f"{first}\n\n{heading}\n\n{second}"
    assert split(text, max_words=26, overlap_words=0) == [
        first,
        f"{heading}\n\n{second}",
    ]


def test_list_items_are_sentences() -> None:
    items = [f"- item {n} without a stop" for n in range(4)]
    assert split("\n".join(items), max_words=12, overlap_words=0) == [
        "\n".join(items[:2]),
        "\n".join(items[2:]),
    ]


@pytest.mark.parametrize(
    "phrase",
    [
        "as Mr. Bunyan wrote",
        "by C. H. Spurgeon himself",
        "e.g. Bread and wine",
        "read cf. Romans with care",
        "in 1 Cor. 13:4-7 we read",
        "so Ps. 23 says",
        "and St. Paul answers",
        "costs 3.50 in all",
    ],
)
def test_text_is_not_split_after_an_abbreviation(phrase: str) -> None:
    words = len(phrase.split())
    text = f"Before it stands this. It begins {phrase}. After it stands that."
    assert f"It begins {phrase}." in split(text, max_words=words + 2, overlap_words=0)


@pytest.mark.parametrize(
    "reference", ["1 Cor. 13:4-7", "John 3:16", "Ps. 23", "Song of Solomon 2:1"]
)
@pytest.mark.parametrize("before", range(6))
def test_chunk_never_ends_within_a_reference(reference: str, before: int) -> None:
    """Tests one long sentence, all offsets and small chunks."""
    text = f"{'word ' * before}see {reference} {'word ' * 6}"
    for words in range(1, 8):
        assert any(reference in chunk for chunk in split(text, max_words=words, overlap_words=0)), (
            words
        )


def test_sentence_longer_than_a_chunk_is_split_between_words() -> None:
    text = " ".join(f"w{n}" for n in range(25))
    assert [len(chunk.split()) for chunk in split(text, max_words=10, overlap_words=5)] == [
        10,
        10,
        5,
    ]


def test_text_without_capitals_is_split_into_sentences() -> None:
    text = " ".join(sentences(4)).lower()
    assert [chunk[-5:] for chunk in split(text, max_words=20, overlap_words=0)] == [
        "end1.",
        "end3.",
    ]


def test_chinese_text_is_split_after_its_full_stops() -> None:
    sentence = "起初神創造天地。"
    assert split(sentence * 6, max_words=16, overlap_words=0) == [sentence * 2] * 3


def test_text_without_spaces_is_split() -> None:
    assert max(map(len, split("\u0e01" * 10_000, max_words=20))) == 4_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hostile", "length"),
    [
        *((text, 200_000) for text in (".", "\n", "#", "-", "1", "= ", "x ", "\n \n", "。")),
        *((text, 100_000) for text in ("# H\n", "|a|\n|-|\n", "```\n", "a:\n- b\n\n", "aB1/")),
        # Each of these is a sentence, which takes more time.
        *((text, 100_000) for text in (". ", ".\n", "\n-", "\n- ", "1. ")),
    ],
)
@pytest.mark.unmeasured
def test_time_is_linear_in_the_length_of_hostile_text(hostile: str, length: int) -> None:
    def split_after_spaces(text: str) -> list[str]:
        return split(f"Title. {' ' * 10 * len(text)}{text}x", max_words=20, overlap_words=4)

    assert_linear(partial(split, max_words=20, overlap_words=4), hostile, length)
    assert_linear(split_after_spaces, hostile, length // 10)


def test_line_ends_nul_and_lone_surrogates_are_sanitized() -> None:
    assert split("a\r\nb\rc\0d \ud800") == ["a\nb\ncd \ufffd"]


def test_real_notes_are_split_well() -> None:
    """No word is lost, no chunk too long, no reference split, and most chunks are nearly full."""
    sermons = sorted(real_data("notes/sermons").glob("*.md"))
    texts = [note["text"] for note in devotionals()[::10]]
    texts += [file.read_text(encoding="utf-8") for file in sermons[::10]]
    lengths = []
    for text in texts:
        chunks = split(text)
        lengths += [len(chunk.split()) for chunk in chunks]
        assert " ".join(split(text, overlap_words=0)).split() == text.split()
        spans = [(found.start, found.end) for found in find_bible_references(text)]
        at = 0
        for chunk in chunks:
            at = text.index(chunk, at)
            for cut in (at, at + len(chunk)):
                assert not any(start < cut < end for start, end in spans), json.dumps(chunk)
    assert max(lengths) <= 200
    assert np.median(lengths) >= 150
