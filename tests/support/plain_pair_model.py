"""The question-pair model written plainly, with the libraries of its formats: the reference."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from safetensors.numpy import load_file
from tokenizers import BertWordPieceTokenizer

from shared.matching.pair_model.model import FOLDER

Array = NDArray[np.floating[Any]]

_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12


def _exact_erf(values: Array) -> Array:
    return np.array(np.frompyfunc(math.erf, 1, 1)(values), values.dtype)


class PlainPairModel:
    """Computes one logit with a padded batch of both orders.

    Args:
        dtype: the type to compute with.
        erf: the error function.
    """

    def __init__(self, dtype: DTypeLike, erf: Callable[[Array], Array] | None = None) -> None:
        self._dtype = dtype
        self._erf = erf or _exact_erf
        self._tokenizer = BertWordPieceTokenizer(str(FOLDER / "vocab.txt"))
        stored = load_file(FOLDER / "model.safetensors")
        self._tensors = {name: values.astype(dtype) for name, values in stored.items()}
        for name in stored:
            if name.endswith(".scale"):
                self._tensors[name.removesuffix(".scale")] *= self._tensors.pop(name)[:, None]

    def logit(self, a: str, b: str) -> float:
        """Return the mean logit of both orders."""
        orders = self._tokenizer.encode_batch([(a, b), (b, a)])
        ids, types, mask = (
            np.array([getattr(each, field) for each in orders])
            for field in ("ids", "type_ids", "attention_mask")
        )
        states = self._hidden_states(ids, types, mask)
        means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        features = np.concatenate([states[:, 0], means], axis=1)
        logits = features @ self._tensors["out.weight"][0] + self._tensors["out.bias"]
        return float(logits.mean())

    def _hidden_states(self, ids: Array, types: Array, mask: Array) -> Array:
        words, positions, kinds = (
            self._tensors[f"bert.embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        states = self._norm(
            "bert.embeddings", words[ids] + positions[: ids.shape[1]] + kinds[types]
        )
        for layer in (f"bert.encoder.layer.{number}" for number in range(_LAYERS)):
            query, key, value = (
                np.stack(np.split(self._dense(f"{layer}.attention.self.{part}", states), _HEADS, 2))
                for part in ("query", "key", "value")
            )
            scores = query @ key.swapaxes(2, 3) / math.sqrt(query.shape[-1])
            scores += np.where(mask, 0, -1e9).astype(self._dtype)[:, None]
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            attended = np.concatenate(
                list(weights / weights.sum(-1, keepdims=True) @ value), axis=2
            )
            projected = self._dense(f"{layer}.attention.output.dense", attended)
            states = self._norm(f"{layer}.attention.output", states + projected)
            wide = self._dense(f"{layer}.intermediate.dense", states)
            wide = wide * (1 + self._erf(wide / math.sqrt(2))) / 2
            states = self._norm(
                f"{layer}.output", states + self._dense(f"{layer}.output.dense", wide)
            )
        return states

    def _dense(self, name: str, states: Array) -> Array:
        outputs: Array = states @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]
        return outputs

    def _norm(self, name: str, states: Array) -> Array:
        scale, shift = (self._tensors[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        centred = states - states.mean(-1, keepdims=True)
        normed: Array = centred / np.sqrt(states.var(-1, keepdims=True) + _EPSILON) * scale + shift
        return normed
