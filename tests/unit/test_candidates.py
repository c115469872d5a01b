"""The find_candidates cached questions."""

import time

import numpy as np

from shared.matching.candidates import MAX_CANDIDATES, Candidate, find_candidates
from shared.vectors import canonical, cosines, stack


def test_the_most_similar_come_first_and_none_below_the_threshold() -> None:
    rows = stack([canonical([0, 1]), canonical([1, 0.2]), canonical([1, 0])])
    found = find_candidates(canonical([1, 0]), rows, 0.85)
    assert [candidate.row for candidate in found] == [2, 1]
    assert found[0] == Candidate(2, 1.0)


def test_a_cosine_of_exactly_the_threshold_is_near_enough() -> None:
    query, other = canonical([1, 0]), canonical([1, 0.5])
    threshold = float(cosines(query, other[np.newaxis])[0])
    assert len(find_candidates(query, other[np.newaxis], threshold)) == 1


def test_equal_cosines_keep_the_order_of_the_index() -> None:
    rows = stack([canonical([1, 1])] * 5)
    assert [candidate.row for candidate in find_candidates(canonical([1, 1]), rows, 0.85)] == [
        0,
        1,
        2,
    ]
    assert MAX_CANDIDATES == 3


def test_an_empty_index_has_no_candidates() -> None:
    assert find_candidates(canonical([1, 0]), np.zeros((0, 2), dtype=np.int8), 0.85) == []


def test_500_questions_are_searched_in_a_millisecond() -> None:
    generator = np.random.default_rng(7)
    rows = generator.integers(-127, 128, (500, 384)).astype(np.int8)
    best = min(_timed(rows) for _ in range(50))
    assert best < 0.001


def _timed(rows: np.ndarray[tuple[int, int], np.dtype[np.int8]]) -> float:
    start = time.perf_counter()
    find_candidates(rows[3], rows, 0.85)
    return time.perf_counter() - start
