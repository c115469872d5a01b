"""Canonical embeddings and their cosines.

Every embedding is quantised to 8 bits a component before its first use, so that a cached vector
equals the computed one: see `docs/decisions/0002-canonical-8-bit-embeddings.md`. Products of
components are integers. No norm is above 2**12, so no sum of products is above 2**24, and float32
adds them without rounding. The cosine of two vectors is the same to the last bit in any order of
summation.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.int8]
"""A canonical embedding, shape (dimensions,), components from -127 to 127."""

Matrix = NDArray[np.int8]
"""Canonical embeddings in rows, shape (count, dimensions)."""

MAX_DIMENSIONS = 4_096

_GRID = 127.0
_MAX_NORM = 2.0**12
_TINY = 1e-300  # smaller components cannot be scaled


def canonical(embedding: ArrayLike) -> Vector:
    """Quantise a model's embedding of shape (dimensions,) and any norm.

    Raises:
        ValueError: it is not one finite, non-zero vector of at most `MAX_DIMENSIONS`.
    """
    raw = np.asarray(embedding, dtype=np.float64)
    if raw.ndim != 1 or not 0 < raw.size <= MAX_DIMENSIONS:
        raise ValueError(
            f"an embedding is one vector of numbers, not an array of shape {raw.shape}"
        )
    largest = np.abs(raw).max()
    if not _TINY < largest < math.inf:
        raise ValueError("an embedding's components must be finite and not all zero")
    # Rounding adds at most half to each component. The limit matters above 1,040 dimensions only.
    max_norm = _MAX_NORM - math.sqrt(raw.size) / 2
    scale = min(_GRID, max_norm / float(np.linalg.norm(raw / largest)))
    grid: Vector = np.rint(raw * (scale / largest)).astype(np.int8)
    return grid


def cosines(query: Vector, rows: Matrix) -> NDArray[np.float64]:
    """Return the cosine of a vector with each row, shape (count,), from -1 to 1.

    It is -1 for a row of zeros, which another program may have stored.
    """
    if rows.shape[0] == 0:
        return np.zeros(0, dtype=np.float64)
    wide = rows.astype(np.float32)
    dots = (wide @ query.astype(np.float32)).astype(np.float64)
    squares = np.vecdot(wide, wide).astype(np.float64)
    norms = np.sqrt(squares * _squared_norm(query))
    similarity = np.full_like(dots, -1.0)
    np.divide(dots, norms, out=similarity, where=norms > 0)
    return similarity


def stack(vectors: Sequence[Vector]) -> Matrix:
    """Stack at least one vector into shape (count, dimensions)."""
    return np.stack(vectors)


def to_bytes(vector: Vector) -> bytes:
    """Encode a vector: one byte a component."""
    return vector.tobytes()


def from_bytes(data: bytes) -> Vector:
    """Decode `to_bytes`, as a read-only view of `data`."""
    return np.frombuffer(data, dtype=np.int8)


def from_numbers(numbers: Sequence[float]) -> Vector:
    """Convert the components of a canonical embedding.

    Raises:
        ValueError: they are not integers from -127 to 127, so that rounding would change cosines.
    """
    raw = np.array(numbers, dtype=np.float64)
    if not np.all((np.abs(raw) <= _GRID) & (np.rint(raw) == raw)):
        raise ValueError("the components of an embedding must be integers from -127 to 127")
    return raw.astype(np.int8)


def _squared_norm(vector: Vector) -> int:
    wide = vector.astype(np.int64)
    return int(wide @ wide)
