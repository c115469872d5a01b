"""What a cache session returns."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.cache.matchable_entries import MatchableEntries

if TYPE_CHECKING:
    from shared.answer import Answer
    from shared.errors import TercetError
    from shared.notes.note import Source
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class LookupResult:
    """The result of a lookup.

    With an answer, `sources` are its sources. Without one, they are a cached context that is still
    fresh, or None. `matched_question` is the question that the answer was generated for, if it is
    another one, `similarity` the cosine of both questions, `alias` the alias's field in the index.
    `expires` is when the answer expires, in seconds since 1970.
    `probability` is the pair model's for a new match. `holder_error` is the error of the lock's
    holder.
    """

    answer: "Answer | None" = None
    sources: "list[Source] | None" = None
    matched_question: str | None = None
    similarity: float | None = None
    alias: str | None = None
    expires: int | None = None
    probability: float | None = None
    holder_error: "TercetError | None" = None

    @property
    def is_final(self) -> bool:
        """Whether nothing must be generated: there is an answer, or the user has no notes."""
        return self.answer is not None or self.sources == []


@dataclass(frozen=True, slots=True)
class MissContext:
    """What a miss needs.

    `vector` is the cached embedding. `matchable_entries` are the index entries of the user's other
    answered questions. `refusals` are pairs of questions that must not be matched: see
    `keyspace.refused_pair`. `may_generate` is False while another request holds the lock, or if
    an answer was stored after the lookup. `lock_holder` is the token of the lock's holder.
    """

    vector: "Vector | None" = None
    matchable_entries: MatchableEntries = field(default_factory=MatchableEntries)
    refusals: frozenset[str] = frozenset()
    may_generate: bool = True
    lock_holder: str = ""
