"""The forward pass of BERT in numpy.

It computes in float64: what the processor and the number of threads change in the last digits is
lost when an embedding is rounded to 8 bits.
"""

import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_WORDS = "embeddings.word_embeddings.weight"


class Encoder:
    """Computes sentence embeddings from token ids, with mean pooling.

    Args:
        folder: contains `config.json` and `model.safetensors` of a BERT model.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file  # noqa: PLC0415 - the extra `local`

        self._config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "model.safetensors")
        self._words = tensors.pop(_WORDS)  # half of the weights, of which a text uses few rows
        self._tensors = {name: each.astype(np.float64) for name, each in tensors.items()}

    def __call__(self, tokens: NDArray[np.int64]) -> Array:
        """Embed texts of equal length, shape (texts, tokens): unit vectors, (texts, dimensions)."""
        texts, length = tokens.shape
        positions = self._tensors["embeddings.position_embeddings.weight"][:length]
        segment = self._tensors["embeddings.token_type_embeddings.weight"][0]
        embedded = self._words[tokens] + positions + segment
        # One row for each token: a product of two matrices is faster than one for each text.
        states = self._norm("embeddings.LayerNorm", embedded.reshape(texts * length, -1))
        for number in range(self._config["num_hidden_layers"]):
            layer = f"encoder.layer.{number}"
            attended = self._attend(f"{layer}.attention.self", states, texts)
            projected = self._dense(f"{layer}.attention.output.dense", attended)
            states = self._norm(f"{layer}.attention.output.LayerNorm", states + projected)
            widened = _gelu(self._dense(f"{layer}.intermediate.dense", states))
            narrowed = self._dense(f"{layer}.output.dense", widened)
            states = self._norm(f"{layer}.output.LayerNorm", states + narrowed)
        pooled = states.reshape(texts, length, -1).mean(axis=1)
        unit: Array = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return unit

    def _attend(self, name: str, states: Array, texts: int) -> Array:
        """Multi-head self-attention: softmax(query key^T / sqrt(size)) value, for each head."""
        heads = self._config["num_attention_heads"]
        query, key, value = (
            self._dense(f"{name}.{part}", states)
            .reshape(texts, len(states) // texts, heads, -1)
            .swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / math.sqrt(query.shape[3])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed: Array = weights @ value
        return mixed.swapaxes(1, 2).reshape(states.shape)

    def _dense(self, name: str, states: Array) -> Array:
        weight, bias = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        outputs: Array = states @ weight.T + bias
        return outputs

    def _norm(self, name: str, states: Array) -> Array:
        scale, shift = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        centred = states - states.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        normed: Array = centred / np.sqrt(variance + self._config["layer_norm_eps"]) * scale + shift
        return normed


def _gelu(values: Array) -> Array:
    """Compute x * Phi(x); numpy has no erf.

    The error of the approximation is at most 1.5e-7 (Abramowitz and Stegun, 7.1.26).
    """
    size = np.abs(values) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * size)
    polynomial = np.polyval(
        [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0], t
    )
    erf = np.copysign(1 - polynomial * np.exp(-np.square(size)), values)
    activated: Array = values * (1 + erf) / 2
    return activated
