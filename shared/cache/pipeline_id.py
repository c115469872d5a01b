"""What answers questions: where any of it differs, answers do, and are kept apart."""

from dataclasses import dataclass
from functools import cached_property

from shared.cache import keyspace


@dataclass(frozen=True)
class Pipeline:
    """The models, their limits and instructions (in `answered_by`), how many chunks they get."""

    embedding_model: str
    dimensions: int
    answered_by: str
    retrieved_chunks: int

    @cached_property
    def name(self) -> str:
        """Stand for all of it, in 12 characters, of which 6 are the embedding's."""
        rest = keyspace.digest("pipeline", self.answered_by, str(self.retrieved_chunks))
        return embedding_name(self.embedding_model) + rest[:6]


def embedding_name(model: str) -> str:
    """Stand for an embedding model; vectors of two models have nothing to do with each other."""
    return keyspace.digest("model", model)[:6]
