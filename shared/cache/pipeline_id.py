"""Identifies the models, prompt and limits that generate answers, for cache keys."""

from dataclasses import dataclass
from functools import cached_property

from shared.cache import keyspace


@dataclass(frozen=True)
class PipelineId:
    """Everything that changes answers. Answers of two pipelines do not share keys.

    `embedding` is the text of the embedding profile, with its `dimensions`. `answered_by` names the
    language model, its prompt and its limits; `retrieved_chunks` is how many chunks it gets.
    """

    embedding: str
    dimensions: int
    answered_by: str
    retrieved_chunks: int

    @cached_property
    def name(self) -> str:
        """A digest of all fields: 12 characters, the first 6 of the embedding profile alone."""
        rest = keyspace.digest("pipeline", self.answered_by, str(self.retrieved_chunks))
        return embedding_name(self.embedding) + rest[:6]


def embedding_name(profile: str) -> str:
    """Return a digest of an embedding profile. Vectors of two profiles cannot be compared."""
    return keyspace.digest("model", profile)[:6]
