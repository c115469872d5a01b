"""all-MiniLM-L6-v2 on the CPU with numpy: the vectors of sentence-transformers, without torch."""

from typing import TYPE_CHECKING

from infra.local.local_embedder import LocalEmbedder
from infra.local.model_weights import MINILM, weights_folder
from shared.matching.pair_model.wordpieces import CLS, SEP, WordPieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.matching.pair_model.bert import Bert

_MAX_TOKENS = 256


class MiniLMEmbedder(LocalEmbedder["tuple[WordPieces, Bert]"]):
    """Embeds English texts, truncated to 256 tokens. The weights have 90 MB.

    The last digits of a float32 product may depend on the shapes of its matrices. Their shapes
    depend on the text alone, since no batch has several texts.
    """

    # An embedding of the former version, in float64, may differ in one unit of one component.
    model = "sentence-transformers/all-MiniLM-L6-v2 float32"

    def _open(self) -> "tuple[WordPieces, Bert]":
        # numpy is slow to load
        import numpy as np  # noqa: PLC0415

        from shared.matching.pair_model.bert import Bert, erf_gelu  # noqa: PLC0415
        from shared.matching.pair_model.safetensors import parse_safetensors  # noqa: PLC0415

        folder = weights_folder(MINILM) / "model"
        tensors = parse_safetensors((folder / "model.safetensors").read_bytes())
        bert = Bert((folder / "config.json").read_bytes(), tensors, np.float32, erf_gelu)
        return WordPieces((folder / "vocab.txt").read_bytes()), bert

    def _encode(self, loaded: "tuple[WordPieces, Bert]", text: str) -> "NDArray[np.float32]":
        import numpy as np  # noqa: PLC0415 - see `_open`

        pieces, bert = loaded
        tokens = [CLS, *pieces.tokenize(text)[: _MAX_TOKENS - 2], SEP]
        mean: NDArray[np.float32] = bert(np.array([tokens])).mean(axis=(0, 1))
        return mean / np.linalg.norm(mean)
