"""An LRU cache of embeddings in the process."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.vectors import Vector


class CachingEmbedder:
    """Wraps an `Embedder` and stores its latest embeddings.

    The extractive answerer embeds the sentences of the same notes for every question, and an
    import embeds a batch of notes before it applies them one by one.

    Args:
        embedder: the embedder to wrap.
        max_entries: the number of texts to store; with MiniLM 384 bytes each, and the text.
    """

    def __init__(self, embedder: "Embedder", *, max_entries: int = 20_000) -> None:
        self.model = embedder.model
        self.dimensions = embedder.dimensions
        self._embedder = embedder
        self._max_entries = max_entries
        self._cache: OrderedDict[str, Vector] = OrderedDict()

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Embed each text: one canonical vector per text, in order."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._cache]
        vectors = await self._embedder.embed(missing) if missing else []
        # A concurrent call may have evicted entries while this one waited.
        found = {text: self._cache[text] for text in texts if text in self._cache}
        found |= dict(zip(missing, vectors, strict=True))
        for text, vector in found.items():
            self._cache[text] = vector
            self._cache.move_to_end(text)
        while len(self._cache) > self._max_entries:
            self._cache.popitem(last=False)
        return [found[text] for text in texts]
