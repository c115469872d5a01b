"""Embeddings in their one canonical form, and the cosine between them.

An embedding is made canonical before its first use, so a cached vector *is* the vector: its
direction on a grid of 8 bits a component (`docs/decisions/0002-canonical-embeddings.md`).
Products of such components are whole numbers, and their sums stay below 2**24 for up to 1,040
dimensions, so float32 adds them without rounding: the same two vectors have the same cosine to
the last bit whatever the order of summation, the library or the store.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.int8]
"""A canonical embedding, shape (dimensions,), components from -127 to 127."""

Matrix = NDArray[np.int8]
"""Canonical embeddings, one a row, shape (count, dimensions)."""

_GRID = 127.0


def canonical(embedding: ArrayLike) -> Vector:
    """Bring a model's embedding, shape (dimensions,) and any length, into canonical form.

    Raises:
        ValueError: it is not one finite, non-zero vector.
    """
    raw = np.asarray(embedding, dtype=np.float64)
    if raw.ndim != 1 or raw.size == 0:
        raise ValueError(
            f"an embedding is one vector of numbers, not an array of shape {raw.shape}"
        )
    largest = np.abs(raw).max()
    if not np.isfinite(largest) or largest == 0:
        raise ValueError("an embedding's components must be finite and not all zero")
    grid: Vector = np.rint(raw * (_GRID / largest)).astype(np.int8)
    return grid


def cosines(query: Vector, rows: Matrix) -> NDArray[np.float64]:
    """Cosine of one vector, shape (dimensions,), with each row: shape (count,), from -1 to 1."""
    if rows.shape[0] == 0:
        return np.zeros(0, dtype=np.float64)
    wide = rows.astype(np.float32)
    dots = (wide @ query.astype(np.float32)).astype(np.float64)
    squares = np.einsum("ij,ij->i", wide, wide).astype(np.float64)
    similarity: NDArray[np.float64] = dots / np.sqrt(squares * _squared_norm(query))
    return similarity


def stack(vectors: Sequence[Vector]) -> Matrix:
    """One row a vector, shape (count, dimensions); there must be at least one."""
    return np.stack(vectors)


def to_bytes(vector: Vector) -> bytes:
    """One byte a component."""
    return vector.tobytes()


def from_bytes(data: bytes) -> Vector:
    """Undo `to_bytes`; a read-only view of `data`."""
    return np.frombuffer(data, dtype=np.int8)


def _squared_norm(vector: Vector) -> int:
    wide = vector.astype(np.int64)
    return int(wide @ wide)
