"""Prefixes for models that embed questions and passages differently.

E5, for example, was trained with `query: ` and `passage: `: https://arxiv.org/abs/2212.03533.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.vectors import Vector


class PrefixedEmbedder:
    """An `Embedder` that puts a prefix before each text."""

    def __init__(self, embedder: "Embedder", prefix: str) -> None:
        self.model = embedder.model
        self.dimensions = embedder.dimensions
        self._embedder = embedder
        self._prefix = prefix

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Return one canonical embedding for each text, in order."""
        return await self._embedder.embed([self._prefix + text for text in texts])


def with_prefix(embedder: "Embedder", prefix: str) -> "Embedder":
    """Return the embedder itself if the prefix is empty."""
    return PrefixedEmbedder(embedder, prefix) if prefix else embedder
