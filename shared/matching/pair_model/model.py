"""The question-pair model: does one answer serve two questions?

A cross-encoder: both questions are read together, `[CLS] a [SEP] b [SEP]`. docs/pair-model.md has
its data, its limits and the licences.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np

from shared.errors import ConfigurationError
from shared.matching.pair_model.bert import Array, Bert, tanh_gelu
from shared.matching.pair_model.calibration import probability
from shared.matching.pair_model.safetensors import parse_safetensors
from shared.matching.pair_model.wordpieces import CLS, SEP, WordPieces

FOLDER = Path(__file__).parent / "files"
MAX_TOKENS = 256
"""The most tokens of two questions together with [CLS] and [SEP]; training had at most 95."""


class PairModel:
    """Computes the logit that one answer serves two questions. Threads may share a model.

    Args:
        pieces: the tokenizer.
        bert: the encoder.
        weights: of the first and of the mean hidden state, shape (2, dimensions).
        bias: of the logit.
    """

    def __init__(self, pieces: WordPieces, bert: Bert, weights: Array, bias: float) -> None:
        self._pieces = pieces
        self._bert = bert
        self._weights = weights
        self._bias = bias

    @classmethod
    def load(cls, folder: Path = FOLDER) -> "PairModel":
        """Read the model, 23 MB, and expand its weights to 55 MB.

        Raises:
            ConfigurationError: a file is missing or damaged.
        """
        files = _read(folder)
        tensors = parse_safetensors(files["model.safetensors"])
        bert = {
            name.removeprefix("bert."): values
            for name, values in tensors.items()
            if name.startswith("bert.")
        }
        return cls(
            WordPieces(files["vocab.txt"]),
            Bert(files["config.json"], bert, np.float32, tanh_gelu),
            tensors["out.weight"].reshape(2, -1).astype(np.float32),
            float(tensors["out.bias"][0]),
        )

    def knows(self, word: str) -> bool:
        """Return whether a word in lower case is in the vocabulary."""
        return self._pieces.knows(word)

    def probability(self, a: str, b: str) -> float:
        """Return the calibrated probability that one answer serves both questions."""
        return probability(self.logits(a, [b])[0])

    def logits(self, question: str, others: Sequence[str]) -> list[float]:
        """Return a logit for each of the others: the mean of both orders of the two questions.

        The logit of a pair depends on nothing else, to the last bit: not on the order of the two,
        and not on the other pairs. It is -inf for two questions of more than 253 tokens together,
        because their difference may be in what the model would not see.
        """
        tokens = self._pieces.tokenize(question)
        return [self._logit(tokens, self._pieces.tokenize(other)) for other in others]

    def _logit(self, one: list[int], other: list[int]) -> float:
        first, second = sorted((one, other))
        orders = [[CLS, *a, SEP, *b, SEP] for a, b in ((first, second), (second, first))]
        length = len(orders[0])
        if length > MAX_TOKENS:
            return -math.inf
        places = np.arange(length)
        types = np.stack([places >= len(a) + 2 for a in (first, second)]).astype(np.int64)
        states = self._bert(np.array(orders), types)
        features = np.stack([states[:, 0], states.mean(axis=1)], axis=1)
        return float(np.vdot(features.mean(axis=0), self._weights)) + self._bias


_lock = Lock()


def load_once() -> PairModel:
    """Return the model, read at the first call. Threads wait for one another."""
    with _lock:
        return _load()


@cache
def _load() -> PairModel:
    return PairModel.load()


def _read(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in `SHA256SUMS`."""
    files = {}
    try:
        for line in (folder / "SHA256SUMS").read_text().splitlines():
            digest, name = line.split()
            files[name] = (folder / name).read_bytes()
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise ConfigurationError(f"{folder / name} is damaged; install Tercet again")
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename}: {error.strerror}; install Tercet again"
        ) from None
    return files
