"""Identifies the models, prompt and limits that generate answers, for cache keys."""

from dataclasses import dataclass
from functools import cached_property

from shared.cache import keyspace


@dataclass(frozen=True)
class PipelineId:
    """Everything that changes answers. Answers of two pipelines do not share keys.

    `answered_by` names the language model, its prompt and its limits; `retrieved_chunks` is how
    many chunks it gets.
    """

    embedding_model: str
    dimensions: int
    answered_by: str
    retrieved_chunks: int

    @cached_property
    def name(self) -> str:
        """A digest of all fields: 12 characters, the first 6 of the embedding model alone."""
        rest = keyspace.digest("pipeline", self.answered_by, str(self.retrieved_chunks))
        return embedding_name(self.embedding_model) + rest[:6]


def embedding_name(model: str) -> str:
    """Return a digest of an embedding model. Vectors of two models cannot be compared."""
    return keyspace.digest("model", model)[:6]
