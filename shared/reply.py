"""The reply to one request."""

import time
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING

from shared.inference.quotations.not_in_notes import finds_nothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.answer import Answer
    from shared.cache.results import LookupResult
    from shared.notes.note import Source
    from shared.question import Question

NO_NOTES = "You have no notes yet, so there is nothing to answer from. Add a note, then ask again."
NO_TAGGED_NOTES = (
    "None of your notes has a tag that you named, so there is nothing to answer from. Name other"
    " tags, or none to ask all notes."
)
REUSED = frozenset({"exact", "coalesced", "semantic"})
"""Outcomes of requests that needed no generated answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, its sources, and where both came from.

    `answer` is None for a user without notes, or without notes of the question's tags. `tier` is
    the deepest tier that saved work: `l1` (nothing was generated), `l3` (no search), `l2` (no
    embedding) or None. `match` is `exact` or `semantic` for an `l1` answer. `coalesced`: the answer
    was generated for a concurrent request. `cache` is `BudgetedClient.status`. `expires` is when
    the answer expires in the cache, in seconds since 1970; None if it is not there.

    `matched_question` is the question that the answer was generated for, if it is another one,
    `similarity` the cosine of both questions, `probability` the pair model's if they were matched
    for this reply, `alias` the alias's field in the index.
    `match_rejection` is the reason why the nearest cached question was not a match, and
    `rejected_similarity` and `rejected_probability` are its cosine and the model's probability.

    While a circuit breaker is open, an answer may be `stale` (stale-if-error: expired, but not
    dropped by any note change) or `extractive` (quoted from the notes and not stored).
    """

    question: "Question"
    answer: "Answer | None"
    sources: "Sequence[Source]"
    cache: str
    _: KW_ONLY
    tier: str | None = None
    match: str | None = None
    expires: int | None = None
    matched_question: str | None = None
    similarity: float | None = None
    probability: float | None = None
    alias: str | None = None
    match_rejection: str | None = None
    rejected_similarity: float | None = None
    rejected_probability: float | None = None
    stale: bool = False
    extractive: bool = False
    coalesced: bool = False

    @classmethod
    def from_cache(
        cls,
        question: "Question",
        found: "LookupResult",
        cache: str,
        *,
        match: str = "exact",
        stale: bool = False,
        coalesced: bool = False,
    ) -> "Reply":
        """Build a reply from a final `LookupResult`: an answer, or an empty context."""
        if found.answer is None:
            return cls.no_notes(question, cache, tier="l3")
        return cls(
            question,
            found.answer,
            found.sources or (),
            cache,
            tier="l1",
            match=match,
            matched_question=found.matched_question,
            similarity=found.similarity,
            probability=found.probability,
            alias=found.alias,
            expires=found.expires,
            stale=stale,
            coalesced=coalesced,
        )

    @classmethod
    def no_notes(cls, question: "Question", cache: str, *, tier: str | None = None) -> "Reply":
        """Build the reply for a user without notes that the question searches."""
        return cls(question, None, (), cache, tier=tier)

    @property
    def text(self) -> str:
        """The text of the answer, or why there is none."""
        if self.answer:
            return self.answer.text
        return NO_TAGGED_NOTES if self.question.tags else NO_NOTES

    @property
    def stored(self) -> bool:
        """Whether this request stored the answer."""
        return self.tier != "l1" and self.expires is not None

    @property
    def ttl(self) -> int | None:
        """Seconds until the answer expires, negative if it is stale; None if it is not cached."""
        return None if self.expires is None else self.expires - int(time.time())

    @property
    def shown_sources(self) -> "Sequence[Source]":
        """The sources, or none if the answer is that the notes do not answer the question."""
        return () if self.answer and finds_nothing(self.answer.text) else self.sources

    @property
    def answer_id(self) -> str | None:
        """The id by which a user can report this answer to this question as wrong."""
        if self.answer is None or self.extractive or self.answer.incomplete:
            return None
        own_id = self.answer.answer_id
        return f"{own_id}.{self.alias}" if self.alias else own_id

    @property
    def cited(self) -> tuple[int, ...]:
        """The positions of the sources that the answer cites, from 1; none if it is incomplete."""
        return self.answer.cited if self.answer and not self.answer.incomplete else ()

    @property
    def outcome(self) -> str:
        """How the request ended: one of `cache.counters.OUTCOMES`."""
        if self.stale or self.extractive:
            return "stale" if self.stale else "extractive"
        if self.answer is None:
            return "no_notes"
        return "coalesced" if self.coalesced else self.match or self.tier or "none"

    def for_follower(self, question: "Question") -> "Reply":
        """Return this reply for a concurrent request with an equal question.

        A follower gets it as a cache hit, or as an answer that it waited for.
        """
        if self.answer is None or self.outcome not in {"semantic", "l3", "l2", "none"}:
            return replace(self, question=question)
        if self.cache != "ok" and self.match is None:  # not stored, but its cost counts once
            return replace(self, question=question, answer=replace(self.answer, cost=0.0))
        return replace(
            self,
            question=question,
            tier="l1",
            match="exact",
            match_rejection=None,
            rejected_similarity=None,
            rejected_probability=None,
            coalesced=True,
        )
