"""Everything that the embeddings of a question and of a chunk depend on."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from shared.inference.ports import Embedder
    from shared.settings import Settings

CHUNKER_VERSION = 2
"""Increase it with each change of `chunking` after which notes must be embedded again."""


@dataclass(frozen=True)
class EmbeddingProfile:
    """The settings that embeddings were computed with.

    Embeddings of two profiles are never compared. The store has the profile of each note's chunks.
    """

    model: str
    dimensions: int
    query_prefix: str = ""
    passage_prefix: str = ""
    max_tokens: int = 256
    chunker: int = CHUNKER_VERSION

    @classmethod
    def of(cls, settings: "Settings", embedder: "Embedder | None" = None) -> Self:
        """Return the profile of the settings; `embedder` replaces their model."""
        return cls(
            model=embedder.model if embedder else settings.embedding_model,
            dimensions=embedder.dimensions if embedder else settings.embedding_dimensions,
            query_prefix=settings.query_prefix,
            passage_prefix=settings.passage_prefix,
            max_tokens=settings.embedding_max_tokens,
        )

    @cached_property
    def text(self) -> str:
        """All fields as JSON: the form in the store and in cache keys."""
        return json.dumps(asdict(self))
