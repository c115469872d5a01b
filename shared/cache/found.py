"""What a visit to the cache finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.answer import Answer
    from shared.cache.questions import Entry
    from shared.notes.note import Source
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class Found:
    """What round trip 1 found.

    With an answer, `sources` are its sources; without one, they are a context that is still
    fresh enough to write a new answer from, or None. `matched` is the question that the answer
    was written for, where that is another one, and `similarity` the cosine of the two.
    """

    answer: "Answer | None" = None
    sources: "list[Source] | None" = None
    matched: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What round trip 2 found: an embedding, the user's index, and whether it is ours to answer."""

    vector: "Vector | None" = None
    index: "Mapping[str, Entry | None]" = field(default_factory=dict)
    ours: bool = True
