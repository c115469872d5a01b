"""Placeholder, to be replaced by the matching work under way."""

import numpy as np

from shared.vectors import Matrix, Vector, cosines


def nearest(query: Vector, rows: Matrix, threshold: float) -> list[tuple[int, float]]:
    """Rows at or above the threshold, nearest first, three at most."""
    similarity = cosines(query, rows)
    order = np.argsort(-similarity, kind="stable")[:3]
    return [(int(row), float(similarity[row])) for row in order if similarity[row] >= threshold]
