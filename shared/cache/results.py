"""What a session to the cache finds."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.answer import Answer
    from shared.cache.index_entries import Entry
    from shared.errors import TercetError
    from shared.notes.note import Source
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class LookupResult:
    """What round trip 1 found, or whoever waited for somebody else's answer.

    With an answer, `sources` are its sources; without one, they are a context that is still
    fresh enough to write a new answer from, or None. `matched` is the question that the answer
    was written for, where that is another one, `similarity` the cosine of the two, and `alias`
    what names their match. `failed` is what kept the other from answering.
    """

    answer: "Answer | None" = None
    sources: "list[Source] | None" = None
    matched: str | None = None
    similarity: float | None = None
    alias: str | None = None
    failed: "TercetError | None" = None

    @property
    def is_final(self) -> bool:
        """Whether nothing else is needed: there is an answer, or there is nothing to search."""
        return self.answer is not None or self.sources == []


@dataclass(frozen=True, slots=True)
class MissContext:
    """What round trip 2 found.

    `others` are the user's other questions whose answers count, by field; `ours` says whether
    nobody else is generating this answer.
    """

    vector: "Vector | None" = None
    others: "Mapping[str, Entry]" = field(default_factory=dict)
    ours: bool = True
