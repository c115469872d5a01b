"""An embedder that remembers what it embedded last."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.vectors import Vector

_MAX_ENTRIES = 20_000  # texts; with MiniLM 384 bytes each, and the text itself


class CachingEmbedder:
    """Implements `shared.inference.ports.Embedder` over another one.

    Quoting embeds the sentences of the same notes again and again, and an import embeds many
    notes at once before it hands them over one by one.
    """

    def __init__(self, embedder: "Embedder") -> None:
        self.model = embedder.model
        self.dimensions = embedder.dimensions
        self._embedder = embedder
        self._known: OrderedDict[str, Vector] = OrderedDict()

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Embed each text: one canonical vector each, in order.

        Raises:
            InferenceError: the model gave no usable answer.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        vectors = await self._embedder.embed(new) if new else []
        # Others may have been embedded meanwhile, and pushed some of these out.
        found = {text: self._known[text] for text in texts if text in self._known}
        found |= dict(zip(new, vectors, strict=True))
        for text, vector in found.items():
            self._known[text] = vector
            self._known.move_to_end(text)
        while len(self._known) > _MAX_ENTRIES:
            self._known.popitem(last=False)
        return [found[text] for text in texts]
