"""What an asker is told."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.answer import Answer
    from shared.cache.results import LookupResult
    from shared.notes.note import Source
    from shared.question import Question

NO_NOTES = "You have no notes yet, so there is nothing to answer from. Add a note, then ask again."


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, the passages that it rests on, and where both came from.

    `answer` is None where there are no notes to answer from. `tier` is the deepest saving: `l1`
    (nothing was generated), `l3` (no search), `l2` (no embedding) or None; `match` says how an
    l1 answer was found, `exact` or `semantic`, and `joined` that it was waited for, since somebody
    else had asked the same; `cache` how the cache fared; `stored` whether whoever asks next finds
    it. `matched` is the other question that the answer was written for, `similarity` the cosine of
    the two, `alias` what names their match. `refused` says why another question's answer, near as
    it was, would not do.

    While a model is left alone because it fails, an answer may be `stale`, past its time though
    no note that it depends on has changed, or `degraded`, quoted from the notes and not kept.
    """

    question: "Question"
    answer: "Answer | None"
    sources: "Sequence[Source]"
    tier: str | None
    match: str | None
    cache: str
    stored: bool = False
    matched: str | None = None
    similarity: float | None = None
    alias: str | None = None
    refused: str | None = None
    stale: bool = False
    degraded: bool = False
    joined: bool = False

    @classmethod
    def of(
        cls,
        question: "Question",
        found: "LookupResult",
        cache: str,
        *,
        match: str = "exact",
        stale: bool = False,
        joined: bool = False,
    ) -> "Reply":
        """Tell what was found in the cache: an answer, or that there is nothing to search."""
        if found.answer is None:
            return cls(question, None, (), "l3", None, cache)
        return cls(
            question,
            found.answer,
            found.sources or (),
            "l1",
            match,
            cache,
            matched=found.matched,
            similarity=found.similarity,
            alias=found.alias,
            stale=stale,
            joined=joined,
        )

    @property
    def answer_id(self) -> str | None:
        """Name this answer to this question, for whoever finds it wrong."""
        if self.answer is None or self.degraded:
            return None
        name = self.answer.answer_id
        return f"{name}.{self.alias}" if self.alias else name

    @property
    def way(self) -> str:
        """How the question was served: see `counting.WAYS`."""
        if self.stale or self.degraded:
            return "stale" if self.stale else "degraded"
        if self.answer is None:
            return "no_notes"
        return "joined" if self.joined else self.match or self.tier or "none"

    def told_to(self, question: "Question") -> "Reply":
        """Tell it to somebody else who asked the same at the same moment.

        They get it as if they had found it in the cache, or waited until it was there.
        """
        if self.answer is None or self.way not in {"semantic", "l3", "l2", "none"}:
            return replace(self, question=question)
        if self.cache != "ok" and self.match is None:  # it was never there, but is paid for once
            return replace(self, question=question, answer=replace(self.answer, cost=0.0))
        return replace(
            self,
            question=question,
            tier="l1",
            match="exact",
            stored=False,
            refused=None,
            joined=True,
        )
