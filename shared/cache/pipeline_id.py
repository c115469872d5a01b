"""Identifies the models, prompt and limits that generate answers, for cache keys."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from shared.cache import keyspace

if TYPE_CHECKING:
    from shared.local_day import Day
    from shared.tags import Tags


@dataclass(frozen=True)
class PipelineId:
    """Everything that changes answers. Answers of two pipelines do not share keys.

    `embedding` is the text of the embedding profile, with its `dimensions`. `answered_by` names the
    language model, its prompt and its limits; `retrieved_chunks` is how many chunks it gets. `day`
    is the day whose date is in the prompt, if any. `tags` are the question's: only notes that have
    one of them are searched.
    """

    embedding: str
    dimensions: int
    answered_by: str
    retrieved_chunks: int
    day: "Day | None" = None
    tags: "Tags" = ()

    @cached_property
    def name(self) -> str:
        """A digest of all fields but the tags: 12 characters, 6 of the embedding profile alone.

        Users choose tags, so keys and comparisons have them in addition to this short digest.
        """
        date = [self.day.date.isoformat()] if self.day else []
        rest = keyspace.digest("pipeline", self.answered_by, str(self.retrieved_chunks), *date)
        return embedding_name(self.embedding) + rest[:6]

    def on_day(self, day: "Day | None") -> Self:
        """Return the pipeline of a day; this one if it is None."""
        return replace(self, day=day) if day else self

    def with_tags(self, tags: "Tags") -> Self:
        """Return the pipeline of questions with these tags; this one if there are none."""
        return replace(self, tags=tags) if tags else self


def embedding_name(profile: str) -> str:
    """Return a digest of an embedding profile. Vectors of two profiles cannot be compared."""
    return keyspace.digest("model", profile)[:6]
