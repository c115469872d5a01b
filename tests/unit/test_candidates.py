"""Tests of the search for candidates."""

import time

import numpy as np

from shared.matching.candidates import MAX_CANDIDATES, Candidate, find_candidates
from shared.vectors import canonical, cosines, stack


def test_candidates_are_sorted_by_similarity_and_reach_the_threshold() -> None:
    rows = stack([canonical([0, 1]), canonical([1, 0.2]), canonical([1, 0])])
    found = find_candidates(canonical([1, 0]), rows, 0.85)
    assert [candidate.row for candidate in found] == [2, 1]
    assert found[0] == Candidate(2, 1.0)


def test_cosine_equal_to_the_threshold_is_a_candidate() -> None:
    query, other = canonical([1, 0]), canonical([1, 0.5])
    threshold = float(cosines(query, other[np.newaxis])[0])
    assert len(find_candidates(query, other[np.newaxis], threshold)) == 1


def test_candidates_of_equal_cosine_are_in_index_order() -> None:
    rows = stack([canonical([1, 1])] * 5)
    assert [candidate.row for candidate in find_candidates(canonical([1, 1]), rows, 0.85)] == [
        0,
        1,
        2,
    ]
    assert MAX_CANDIDATES == 3


def test_empty_index_has_no_candidates() -> None:
    assert find_candidates(canonical([1, 0]), np.zeros((0, 2), dtype=np.int8), 0.85) == []


def test_search_of_500_questions_takes_less_than_a_millisecond() -> None:
    generator = np.random.default_rng(7)
    rows = generator.integers(-127, 128, (500, 384)).astype(np.int8)
    best = min(_measure(rows) for _ in range(50))
    assert best < 0.001


def _measure(rows: np.ndarray[tuple[int, int], np.dtype[np.int8]]) -> float:
    start = time.thread_time()
    find_candidates(rows[3], rows, 0.85)
    return time.thread_time() - start
