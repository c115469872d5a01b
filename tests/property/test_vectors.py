"""Canonical embeddings of up to 4,096 dimensions have exact cosines."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.vectors import MAX_DIMENSIONS, canonical, cosines, stack

EXACT = 2**24  # float32 represents each integer up to it


def embeddings(seed: int, count: int, dimensions: int, spread: float) -> NDArray[np.float64]:
    """Return random rows; with a spread of 0 all components have one size."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(spread * rng.standard_normal((count, dimensions)))
    signs: NDArray[np.float64] = rng.choice([-1.0, 1.0], (count, dimensions))
    return signs * sizes


shapes = given(
    seed=st.integers(0, 2**32),
    dimensions=st.sampled_from([1, 2, 384, 1040, 1041, 1536, 2000, 3072, 4095, MAX_DIMENSIONS]),
    spread=st.sampled_from([0.0, 0.05, 0.5, 1.0, 3.0]),
)


@shapes
def test_no_sum_of_products_is_rounded(seed: int, dimensions: int, spread: float) -> None:
    """By the Cauchy-Schwarz inequality no partial sum exceeds the larger squared norm."""
    rows = [canonical(row) for row in embeddings(seed, 2, dimensions, spread)]
    for row in rows:
        assert int(row.astype(np.int64) @ row.astype(np.int64)) <= EXACT
    products = rows[0].astype(np.int64) * rows[1].astype(np.int64)
    assert np.abs(np.cumsum(products)).max() <= EXACT


@shapes
def test_cosine_is_the_same_in_each_order_of_the_components(
    seed: int, dimensions: int, spread: float
) -> None:
    rows = stack([canonical(row) for row in embeddings(seed, 5, dimensions, spread)])
    order = np.random.default_rng(seed).permutation(dimensions)
    shuffled = np.ascontiguousarray(rows[:, order])
    assert np.array_equal(cosines(rows[0], rows), cosines(shuffled[0], shuffled))
    assert cosines(rows[0], rows)[0] == 1.0


def largest_turn(raw: NDArray[np.float64]) -> float:
    """Return the largest angle between a vector and its canonical form, in radians.

    Rounding adds a vector with components of at most a half to the scaled vector.
    """
    error = math.sqrt(raw.size) / 2
    norm = 127 * np.linalg.norm(raw) / np.abs(raw).max()
    return math.asin(error / min(float(norm), 2**12 - error))


@shapes
def test_cosine_is_close_to_that_of_the_model(seed: int, dimensions: int, spread: float) -> None:
    raw = embeddings(seed, 2, dimensions, spread)
    expected = raw[0] @ raw[1] / np.linalg.norm(raw[0]) / np.linalg.norm(raw[1])
    one, other = (canonical(row) for row in raw)
    (cosine,) = cosines(one, stack([other]))
    # A cosine differs by no more than the angle.
    assert cosine == pytest.approx(expected, abs=sum(map(largest_turn, raw)) + 1e-12)


@given(seed=st.integers(0, 2**32), dimensions=st.integers(1, 1040))
def test_up_to_1040_dimensions_the_largest_component_is_127(seed: int, dimensions: int) -> None:
    (row,) = embeddings(seed, 1, dimensions, 0.5)
    expected = np.rint(row * (127 / np.abs(row).max()))
    assert np.array_equal(canonical(row), expected)


@pytest.mark.parametrize("size", [1e-320, 1e-301, 0.0, 1e308 * 10, float("nan")])
def test_vector_without_a_usable_size_is_refused(size: float) -> None:
    with pytest.raises(ValueError, match="finite and not all zero"):
        canonical([size, 0.0])


def test_more_than_4096_dimensions_are_refused() -> None:
    assert canonical(np.ones(MAX_DIMENSIONS)).size == MAX_DIMENSIONS
    with pytest.raises(ValueError, match="shape"):
        canonical(np.ones(MAX_DIMENSIONS + 1))


def test_cosine_with_a_zero_vector_is_the_lowest() -> None:
    rows = np.array([[0, 0], [1, 1], [-1, -1]], dtype=np.int8)
    assert cosines(rows[1], rows).tolist() == [-1.0, 1.0, -1.0]
    assert cosines(rows[0], rows).tolist() == [-1.0] * 3
