"""Tests of the search for candidates."""

import time

import numpy as np
import pytest

from shared.matching.candidates import (
    MAX_CANDIDATES,
    Candidate,
    find_candidates,
    find_similar_texts,
)
from shared.matching.tokens.typos import is_respelled
from shared.vectors import canonical, cosines, stack


def test_candidates_are_sorted_by_similarity_and_reach_the_threshold() -> None:
    rows = stack([canonical([0, 1]), canonical([1, 0.2]), canonical([1, 0])])
    found = find_candidates(cosines(canonical([1, 0]), rows), 0.85)
    assert [candidate.row for candidate in found] == [2, 1]
    assert found[0] == Candidate(2, 1.0)


def test_cosine_equal_to_the_threshold_is_a_candidate() -> None:
    query, other = canonical([1, 0]), canonical([1, 0.5])
    similarity = cosines(query, other[np.newaxis])
    assert len(find_candidates(similarity, float(similarity[0]))) == 1


def test_candidates_of_equal_cosine_are_in_index_order() -> None:
    similarity = cosines(canonical([1, 1]), stack([canonical([1, 1])] * 5))
    assert [candidate.row for candidate in find_candidates(similarity, 0.85)] == [0, 1, 2]
    assert MAX_CANDIDATES == 3


def test_empty_index_has_no_candidates() -> None:
    similarity = cosines(canonical([1, 0]), np.zeros((0, 2), dtype=np.int8))
    assert find_candidates(similarity, 0.85) == []


def test_search_of_500_questions_takes_less_than_a_millisecond() -> None:
    generator = np.random.default_rng(7)
    rows = generator.integers(-127, 128, (500, 384)).astype(np.int8)
    best = min(_measure(rows) for _ in range(50))
    assert best < 0.001


def _measure(rows: np.ndarray[tuple[int, int], np.dtype[np.int8]]) -> float:
    start = time.thread_time()
    find_candidates(cosines(rows[3], rows), 0.85)
    return time.thread_time() - start


_CACHED = [
    "What is the wifi password?",
    "Hello! How do I cancel my order, please?",
    "What did I write about grace?",
    "Wo ist der Schl\u00fcssel?",
]


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("what is the wifi pasword", 0),
        ("Hi there, what is the wifi pasword?", 0),
        ("How do I cancle my order?", 1),
        ("What did I wriet abuot grace?", 2),
        ("Wo ist der Schlussel?", 3),
    ],
)
def test_question_with_slips_is_found_by_its_other_words(question: str, other: int) -> None:
    texts = [text.encode() + b"\0vector" for text in _CACHED]
    assert other in find_similar_texts(question, texts)
    assert is_respelled(question, _CACHED[other])


def test_text_with_other_words_is_not_found() -> None:
    texts = [text.encode() for text in _CACHED]
    assert find_similar_texts("Who saw Anna today?", texts) == []
    assert find_similar_texts("", texts) == []
    assert not is_respelled("Who is the pastor?", _CACHED[0])


def test_every_text_with_one_of_three_words_is_found() -> None:
    texts = [b"Hope, hope, hope", b"", b"gr", b"ace al", b"gracegrace", b"one", b"Alone"]
    assert find_similar_texts("grace alone hope", texts) == [0, 4, 6]


def test_text_without_three_of_four_words_is_not_found() -> None:
    texts = [b"grace alone", b"grace", b"hope faith", b"faith"]
    assert find_similar_texts("grace alone hope faith", texts) == [0, 2]


def test_words_are_not_found_across_two_texts() -> None:
    assert find_similar_texts("grace alone", [b"is gra", b"ce al", b"one"]) == []
