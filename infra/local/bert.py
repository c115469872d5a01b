"""The forward pass of BERT in numpy, with bit-exact results.

A floating-point sum depends on the order of its terms, and BLAS selects the order by matrix shape,
CPU and number of threads. Here both factors of each matrix product are rounded to a grid of powers
of two that is coarse enough for exact partial sums in float64. The order then does not matter, and
an embedding does not depend on the other texts of its batch.
"""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

Array = NDArray[np.float64]

# Bits of each factor. The longest sum has 1,536 terms: 2**20 * 2**22 * 1,536 < 2**53.
_LEFT_BITS = 20
_RIGHT_BITS = 22


class Encoder:
    """Computes sentence embeddings from token ids, with mean pooling.

    Args:
        folder: contains `config.json` and `model.safetensors` of a BERT model.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file  # noqa: PLC0415 - the extra `local`

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "model.safetensors")
        epsilon = config["layer_norm_eps"]
        self._words = tensors["embeddings.word_embeddings.weight"]
        self._positions = (
            tensors["embeddings.position_embeddings.weight"].astype(np.float64)
            + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _LayerNorm(tensors, "embeddings.LayerNorm", epsilon)
        self._layers = [
            _Layer(tensors, f"encoder.layer.{number}", config["num_attention_heads"], epsilon)
            for number in range(config["num_hidden_layers"])
        ]

    def __call__(self, tokens: NDArray[np.int64]) -> Array:
        """Embed texts of equal length, shape (texts, tokens): unit vectors, (texts, dimensions)."""
        texts, length = tokens.shape
        states = self._norm(self._words[tokens] + self._positions[:length])
        rows = states.reshape(texts * length, -1)
        for layer in self._layers:
            rows = layer(rows, texts)
        pooled = rows.reshape(texts, length, -1).mean(axis=1)
        unit: Array = pooled / np.sqrt(np.square(pooled).sum(axis=-1, keepdims=True))
        return unit


class _Layer:
    """Self-attention and two dense layers, each with residual and layer norm."""

    def __init__(
        self, tensors: "Mapping[str, NDArray[np.float32]]", name: str, heads: int, epsilon: float
    ) -> None:
        self._heads = heads
        self._inputs = _Linear(
            tensors, *(f"{name}.attention.self.{part}" for part in ("query", "key", "value"))
        )
        self._output = _Linear(tensors, f"{name}.attention.output.dense")
        self._attention_norm = _LayerNorm(tensors, f"{name}.attention.output.LayerNorm", epsilon)
        self._widen = _Linear(tensors, f"{name}.intermediate.dense")
        self._narrow = _Linear(tensors, f"{name}.output.dense")
        self._norm = _LayerNorm(tensors, f"{name}.output.LayerNorm", epsilon)

    def __call__(self, rows: Array, texts: int) -> Array:
        """Transform one row per token; the tokens of a text are consecutive."""
        rows = self._attention_norm(rows + self._output(self._attend(rows, texts)))
        return self._norm(rows + self._narrow(_gelu(self._widen(rows))))

    def _attend(self, rows: Array, texts: int) -> Array:
        query, key, value = (
            part.reshape(texts, -1, self._heads, part.shape[1] // self._heads).swapaxes(1, 2)
            for part in np.split(self._inputs(rows), 3, axis=1)
        )
        scores = _on_grid(query, _LEFT_BITS) @ _on_grid(key, _RIGHT_BITS).swapaxes(2, 3)
        weights = np.exp((scores - scores.max(axis=-1, keepdims=True)) / math.sqrt(query.shape[3]))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = _on_grid(weights, _LEFT_BITS) @ _on_grid(value, _RIGHT_BITS, axis=2)
        return mixed.swapaxes(1, 2).reshape(rows.shape)


class _Linear:
    """Dense layers with a common input, concatenated."""

    def __init__(self, tensors: "Mapping[str, NDArray[np.float32]]", *names: str) -> None:
        weight = np.concatenate([tensors[f"{name}.weight"] for name in names]).T
        self._weight = _on_grid(np.ascontiguousarray(weight, np.float64), _RIGHT_BITS, axis=0)
        self._bias = np.concatenate([tensors[f"{name}.bias"] for name in names]).astype(np.float64)

    def __call__(self, rows: Array) -> Array:
        outputs: Array = _on_grid(rows, _LEFT_BITS) @ self._weight
        outputs += self._bias
        return outputs


class _LayerNorm:
    def __init__(
        self, tensors: "Mapping[str, NDArray[np.float32]]", name: str, epsilon: float
    ) -> None:
        self._scale = tensors[f"{name}.weight"].astype(np.float64)
        self._shift = tensors[f"{name}.bias"].astype(np.float64)
        self._epsilon = epsilon

    def __call__(self, states: Array) -> Array:
        centred: Array = states - states.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        centred *= 1.0 / np.sqrt(variance + self._epsilon)
        centred *= self._scale
        centred += self._shift
        return centred


def _on_grid(values: Array, bits: int, axis: int = -1) -> Array:
    """Round to multiples of 2**(e - bits), where 2**e bounds the values along `axis`.

    Adding and subtracting a number whose last bit equals one step rounds the value.
    """
    largest = np.maximum(
        values.max(axis=axis, keepdims=True), -values.min(axis=axis, keepdims=True)
    )
    _, exponent = np.frexp(largest)
    anchor = np.ldexp(1.5, exponent + (52 - bits))
    rounded: Array = values + anchor
    rounded -= anchor
    return rounded


_STEPS = 2048  # table entries per unit; linear interpolation has an error of at most 3e-8
_REACH = 8  # beyond it GELU equals 0 or x, within 1e-14
_SIZES = np.arange(_REACH * _STEPS + 1) / _STEPS
_BELOW_RELU = _SIZES * np.array([0.5 * (math.erf(x / math.sqrt(2)) - 1) for x in _SIZES])
_SLOPE = np.diff(_BELOW_RELU, append=0.0)
_ROWS = 16  # rows that fit into the CPU cache, which is twice as fast


def _gelu(values: Array) -> Array:
    """Compute x * Phi(x) as max(x, 0) plus a tabulated even function; numpy has no erf."""
    result = np.empty_like(values)
    for start in range(0, len(values), _ROWS):
        block = values[start : start + _ROWS]
        position = np.minimum(np.abs(block) * _STEPS, _REACH * _STEPS)
        step = position.astype(np.intp)
        position -= step
        position *= _SLOPE.take(step, mode="clip")
        position += _BELOW_RELU.take(step, mode="clip")
        np.add(position, np.maximum(block, 0), out=result[start : start + _ROWS])
    return result
