"""What answers questions: where any of it differs, answers do, and are kept apart."""

from dataclasses import dataclass
from functools import cached_property

from shared.cache import keyspace

_PROMPT_VERSION = "1"
"""Raise it where the prompt changes what is answered."""


@dataclass(frozen=True)
class Pipeline:
    """The models, their limits (in `answered_by`) and how many chunks they are given."""

    embedding_model: str
    dimensions: int
    answered_by: str
    retrieved_chunks: int

    @cached_property
    def name(self) -> str:
        """Stand for all of it, in 12 characters, of which 6 are the embedding's."""
        parts = (self.answered_by, str(self.retrieved_chunks), _PROMPT_VERSION)
        return embedding_name(self.embedding_model) + keyspace.digest("pipeline", *parts)[:6]


def embedding_name(model: str) -> str:
    """Stand for an embedding model; vectors of two models have nothing to do with each other."""
    return keyspace.digest("model", model)[:6]
