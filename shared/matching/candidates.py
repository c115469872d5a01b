"""Finds the cached questions that can match: by cosine, or by equal words but for noise."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shared.matching.tokens.noise import find_plain_words
from shared.matching.tokens.typos import differ_by_slips
from shared.vectors import Matrix, Vector, cosines

MAX_CANDIDATES = 3
"""The number of candidates by cosine that are compared.

Measured on phrasings of clinc150 and banking77 with 500 cached questions: 38 of 1,047 questions had
a match. 36 of the matches were the nearest question and two the second nearest.
"""


class Candidate(NamedTuple):
    """A row of the matrix and its cosine with the question, from -1 to 1."""

    row: int
    similarity: float


def find_candidates(
    query: Vector, rows: Matrix, floor: float, *, limit: int = MAX_CANDIDATES
) -> list[Candidate]:
    """Find the rows of cosine `floor` or more, the most similar first, at most `limit`.

    Rows of equal cosine come in their order, so the same index gives the same candidates.
    """
    similarity = cosines(query, rows)
    near = np.flatnonzero(similarity >= floor)
    best = near[np.argsort(-similarity[near], kind="stable")[:limit]]
    return [Candidate(int(row), float(similarity[row])) for row in best]


def find_respelled(question: str, others: Sequence[str]) -> list[int]:
    """Return the indices of the texts that have the words of `question`, but for noise and slips.

    A slip moves an embedding far away, so these can have any cosine.
    """
    words = find_plain_words(question)
    return [n for n, other in enumerate(others) if differ_by_slips(words, find_plain_words(other))]
