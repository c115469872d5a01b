"""Notes are cut where a reader would cut them, and nothing of them is lost."""

import json
import time

import numpy as np
import pytest

from shared.notes.chunking import build_chunks, split_into_chunks
from shared.notes.note import Chunk
from shared.text.bible_references import find_bible_references
from tests.support.data import devotionals, real_data


def sentences(count: int, *, words: int = 10) -> list[str]:
    return [" ".join([f"S{n}", *(["word"] * (words - 2)), f"end{n}."]) for n in range(count)]


@pytest.mark.parametrize("blank", ["", " ", "\r\n\t\n", "\0", "\u3000\u00a0"])
def test_a_blank_text_has_no_chunks(blank: str) -> None:
    assert split_into_chunks(blank) == []


def test_a_short_text_is_one_chunk_as_it_stands() -> None:
    assert split_into_chunks("# Title\n\nOne. Two.\n\nThree.") == ["# Title\n\nOne. Two.\n\nThree."]


def test_chunks_are_whole_sentences_up_to_the_number_of_words() -> None:
    text = " ".join(sentences(10))
    assert split_into_chunks(text, max_words=35, overlap_words=0) == [
        " ".join(sentences(10)[start : start + 3]) for start in (0, 3, 6, 9)
    ]


def test_a_chunk_begins_with_the_last_sentences_of_the_one_before() -> None:
    given = sentences(7)
    assert split_into_chunks(" ".join(given), max_words=30, overlap_words=15) == [
        " ".join(given[start : start + 3]) for start in (0, 2, 4)
    ]


def test_the_overlap_gives_way_where_the_next_sentence_needs_the_room() -> None:
    short, long = sentences(3), sentences(1, words=28)
    assert split_into_chunks(" ".join(short + long), max_words=30, overlap_words=10) == [
        " ".join(short),
        *long,
    ]


def test_a_paragraph_that_fits_a_chunk_is_not_cut_to_fill_the_one_before() -> None:
    first, second = " ".join(sentences(3)), " ".join(sentences(3, words=9))
    assert split_into_chunks(f"{first}\n\n{second}", max_words=45, overlap_words=0) == [
        first,
        second,
    ]


@pytest.mark.parametrize("heading", ["## Grace", "Grace\n=====", "# A\n\n## B", "# A\n## B ##"])
def test_a_heading_stays_with_what_follows(heading: str) -> None:
    first, second = " ".join(sentences(2)), " ".join(sentences(2))
    text = f"{first}\n\n{heading}\n\n{second}"
    assert split_into_chunks(text, max_words=26, overlap_words=0) == [
        first,
        f"{heading}\n\n{second}",
    ]


def test_the_items_of_a_list_are_sentences() -> None:
    items = [f"- item {n} without a stop" for n in range(4)]
    assert split_into_chunks("\n".join(items), max_words=12, overlap_words=0) == [
        "\n".join(items[:2]),
        "\n".join(items[2:]),
    ]


@pytest.mark.parametrize(
    "kept",
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
def test_a_full_stop_that_ends_no_sentence_is_no_place_to_cut(kept: str) -> None:
    words = len(kept.split())
    text = f"Before it stands this. It begins {kept}. After it stands that."
    assert f"It begins {kept}." in split_into_chunks(text, max_words=words + 2, overlap_words=0)


@pytest.mark.parametrize(
    "reference", ["1 Cor. 13:4-7", "John 3:16", "Ps. 23", "Song of Solomon 2:1"]
)
@pytest.mark.parametrize("before", range(6))
def test_no_cut_falls_within_a_reference(reference: str, before: int) -> None:
    """Whatever the words before it, in one long sentence and in chunks of few words."""
    text = f"{'word ' * before}see {reference} {'word ' * 6}"
    for words in range(1, 8):
        assert any(
            reference in chunk
            for chunk in split_into_chunks(text, max_words=words, overlap_words=0)
        ), words


def test_a_sentence_longer_than_a_chunk_is_cut_between_words() -> None:
    text = " ".join(f"w{n}" for n in range(25))
    assert [
        len(chunk.split()) for chunk in split_into_chunks(text, max_words=10, overlap_words=5)
    ] == [10, 10, 5]


def test_a_text_without_capitals_has_sentences() -> None:
    text = " ".join(sentences(4)).lower()
    assert [chunk[-5:] for chunk in split_into_chunks(text, max_words=20, overlap_words=0)] == [
        "end1.",
        "end3.",
    ]


def test_chinese_is_cut_after_its_own_full_stops() -> None:
    sentence = "起初神創造天地。"
    assert split_into_chunks(sentence * 6, max_words=16, overlap_words=0) == [sentence * 2] * 3


def test_data_without_spaces_is_cut() -> None:
    assert max(map(len, split_into_chunks("x" * 10_000, max_words=20))) == 4_000


@pytest.mark.parametrize(
    ("hostile", "length"),
    [
        *((text, 200_000) for text in (".", "\n", "#", "-", "1", "= ", "x ", "\n \n", "。")),
        # These end a sentence each, which takes some time in proportion.
        *((text, 100_000) for text in (". ", ".\n", "\n-", "\n- ", "1. ")),
    ],
)
def test_no_text_takes_more_time_than_its_length(hostile: str, length: int) -> None:
    """The tightest quadratic pattern would need 5 s for this, and most would need minutes."""
    begin = time.process_time()
    split_into_chunks(hostile * (length // len(hostile)), max_words=20, overlap_words=4)
    split_into_chunks(
        f"Title. {' ' * length}{hostile * (length // 10)}x", max_words=20, overlap_words=4
    )
    assert time.process_time() - begin < 4


def test_line_ends_nul_and_lone_surrogates_are_mended() -> None:
    assert split_into_chunks("a\r\nb\rc\0d \ud800") == ["a\nb\ncd \ufffd"]


def test_chunks_are_named_by_their_place_in_the_note() -> None:
    vectors = [np.array([n, 1], dtype=np.int8) for n in range(2)]
    assert build_chunks("n", ["a", "b"], vectors) == [
        Chunk("n#0", "n", "a", vectors[0]),
        Chunk("n#1", "n", "b", vectors[1]),
    ]
    with pytest.raises(ValueError, match="zip"):
        build_chunks("n", ["a", "b"], vectors[:1])


def test_real_notes_are_cut_well() -> None:
    """Nothing lost, no chunk too long, no reference cut, and most chunks nearly full."""
    sermons = sorted(real_data("notes/sermons").glob("*.md"))
    texts = [note["text"] for note in devotionals()[::10]]
    texts += [file.read_text(encoding="utf-8") for file in sermons[::10]]
    lengths = []
    for text in texts:
        chunks = split_into_chunks(text)
        lengths += [len(chunk.split()) for chunk in chunks]
        assert " ".join(split_into_chunks(text, overlap_words=0)).split() == text.split()
        spans = [(found.start, found.end) for found in find_bible_references(text)]
        at = 0
        for chunk in chunks:
            at = text.index(chunk, at)
            for cut in (at, at + len(chunk)):
                assert not any(start < cut < end for start, end in spans), json.dumps(chunk)
    assert max(lengths) <= 200
    assert np.median(lengths) >= 150
