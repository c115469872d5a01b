"""8-bit weights: each row of a large matrix has its own scale."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEVELS = 127
_MAX_SMALL_ROWS = 8  # token types and the output stay float16


def quantise(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """Return the weights as the pair model stores them.

    A matrix becomes `NAME` (int8) and `NAME.scale` (float32, one for each row): its values are
    their product. Vectors, small matrices and the position embeddings become float16.
    """
    stored: dict[str, NDArray[Any]] = {}
    for name, values in tensors.items():
        if values.ndim == 1 or len(values) <= _MAX_SMALL_ROWS or "position" in name:
            stored[name] = values.astype(np.float16)
            continue
        scale = np.maximum(np.abs(values).max(axis=1) / _LEVELS, np.finfo(np.float32).tiny)
        stored[name] = np.rint(values / scale[:, np.newaxis]).astype(np.int8)
        stored[f"{name}.scale"] = scale.astype(np.float32)
    return stored


def dequantise(stored: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """Return the float32 weights of a stored pair model: the inverse of `quantise`."""
    return {
        name: values.astype(np.float32) * stored[f"{name}.scale"][:, np.newaxis]
        if f"{name}.scale" in stored
        else values.astype(np.float32)
        for name, values in stored.items()
        if not name.endswith(".scale")
    }
