"""all-MiniLM-L6-v2 on the CPU with numpy: the vectors of sentence-transformers, without torch.

It computes in float64: what the processor changes in the last digits is lost when an embedding is
rounded to 8 bits.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from infra.local.local_embedder import LocalEmbedder
from infra.local.model_weights import MINILM, weights_folder
from shared.matching.pair_model.wordpieces import CLS, SEP, WordPieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.matching.pair_model.bert import Bert

_MAX_TOKENS = 256
_BATCH_TOKENS = 512  # the activations of a batch fit into the CPU cache


class MiniLMEmbedder(LocalEmbedder["tuple[WordPieces, Bert]"]):
    """Embeds English texts, truncated to 256 tokens.

    The weights have 90 MB. An embedding does not depend on the other texts of a call: a batch has
    texts of equal length, so it needs no padding.
    """

    model = "sentence-transformers/all-MiniLM-L6-v2"

    def _open(self) -> "tuple[WordPieces, Bert]":
        # numpy is slow to load
        import numpy as np  # noqa: PLC0415

        from shared.matching.pair_model.bert import Bert, erf_gelu  # noqa: PLC0415
        from shared.matching.pair_model.safetensors import parse_safetensors  # noqa: PLC0415

        folder = weights_folder(MINILM) / "model"
        tensors = parse_safetensors((folder / "model.safetensors").read_bytes())
        bert = Bert((folder / "config.json").read_bytes(), tensors, np.float64, erf_gelu)
        return WordPieces((folder / "vocab.txt").read_bytes()), bert

    def _encode(self, loaded: "tuple[WordPieces, Bert]", texts: list[str]) -> "NDArray[np.float32]":
        import numpy as np  # noqa: PLC0415 - see `_open`

        pieces, bert = loaded
        tokens = [[CLS, *pieces.tokenize(text)[: _MAX_TOKENS - 2], SEP] for text in texts]
        embeddings = np.empty((len(tokens), self.dimensions), dtype=np.float32)

        def fill(batch: list[int]) -> None:
            means = bert(np.array([tokens[index] for index in batch])).mean(axis=1)
            embeddings[batch] = means / np.linalg.norm(means, axis=1, keepdims=True)

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
