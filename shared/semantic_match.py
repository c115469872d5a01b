"""Finds a cached answer to another question that one answer serves as well as this one.

Each step is more expensive than the one before, and runs only if that one agrees: cosine, vetoes,
pair model, the cached answer's sources, LLM verifier near the threshold.
"""

import asyncio
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from shared.cache.index_entries import nanodollars
from shared.cache.keyspace import refused_pair
from shared.matching.candidates import (
    MAX_CANDIDATES,
    find_candidates,
    find_similar_texts,
)
from shared.matching.decision import Decision, decide, is_distant, least_cosine
from shared.matching.tokens.typos import is_respelled
from shared.question import is_truncated
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack
from shared.vectors import cosines, from_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.cache.index_entries import Entry
    from shared.cache.raised_threshold import RaisedThreshold
    from shared.cache.results import LookupResult, MissContext
    from shared.cache.session import CacheSession
    from shared.inference.match_verifier import MatchVerifier
    from shared.matching.decision import QuestionPairModel
    from shared.notes.note import Source
    from shared.settings import Settings
    from shared.vectors import Vector


_MAX_SIMILAR = 10  # texts of similar words that are compared word by word
_SOURCES_DIFFER = "sources: the questions retrieve different passages"


@dataclass(frozen=True, slots=True)
class Match:
    """The cached answer, or why the nearest candidate was rejected. Both are None without one.

    `similarity` and `probability` are the rejected candidate's: the cosine, and the pair model's
    probability if it was asked.
    """

    found: "LookupResult | None" = None
    rejection: str | None = None
    similarity: float | None = None
    probability: float | None = None


def pair_model_loader(settings: "Settings") -> "Callable[[], QuestionPairModel] | None":
    """Return what reads the pair model at its first call, or None if rules decide alone."""
    return _load_pair_model if settings.semantic_matcher == "model" else None


def _load_pair_model() -> "QuestionPairModel":
    from shared.matching.pair_model.model import load_once  # noqa: PLC0415  # for candidates only

    return load_once()


class SemanticMatcher:
    """Matches a question with a user's cached questions."""

    def __init__(
        self,
        settings: "Settings",
        verifier: "MatchVerifier | None" = None,
        load_model: "Callable[[], QuestionPairModel] | None" = None,
        *,
        raised: "RaisedThreshold | None" = None,
        packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS,
    ) -> None:
        """Without a model, only questions of the same words match.

        Args:
            settings: the floor of the cosine, the threshold and the verifier's band.
            verifier: asked about probabilities in the band; without a model, about every match.
            load_model: called for candidates, in a worker thread.
            raised: a threshold above the settings'. Below it the verifier is not asked.
            packs: as for `decide`.
        """
        self._settings = settings
        self._raised = raised
        self._verifier = verifier
        self._load_model = load_model
        self._packs = packs

    async def match(
        self,
        question: str,
        vector: "Vector",
        sources: "Sequence[Source]",
        context: "MissContext",
        session: "CacheSession",
    ) -> Match:
        """Find a candidate that the same answer serves, and store the match as an alias.

        This makes at most two round trips: one reads a single answer, one stores its alias.

        Args:
            question: the wording.
            vector: the question's embedding.
            sources: the result of the question's own search.
            context: the user's other answered questions, and the matches that they refused.
            session: the request's cache session.
        """
        candidates = self._find_candidates(question, vector, context)
        rejected = Match()
        for field, entry, similarity in candidates:
            distant = is_distant(similarity, self._settings)
            decision = await self._decide(question, entry.question, distant=distant)
            must_verify = not distant and self._must_verify(decision)
            if not decision.is_match and not must_verify:
                if rejected.rejection is None:  # counted once a request
                    by = "rules" if decision.probability is None else "model"
                    session.counters.add(**{f"rejected_by_{by}": 1})
                    rejected = Match(None, decision.reason, similarity, decision.probability)
                continue
            found = await session.get_answer(field, entry)
            if not found.answer:
                return rejected  # dropped or evicted since round trip 2
            if not has_common_sources(sources, found.sources or ()):
                session.counters.add(rejected_by_rules=int(rejected.rejection is None))
                differ = Match(None, _SOURCES_DIFFER, similarity, decision.probability)
                return rejected if rejected.rejection else differ
            if must_verify and not await self._verify(question, entry.question, session):
                return Match(None, "verifier", similarity, decision.probability)
            expires = await session.store_alias(vector, sources, (field, entry), similarity)
            if not expires:
                return Match()
            found = replace(
                found,
                matched_question=entry.question,
                similarity=similarity,
                probability=decision.probability,
                alias=session.field,
                expires=expires,
            )
            return Match(found)
        return rejected

    def _find_candidates(
        self, question: str, vector: "Vector", context: "MissContext"
    ) -> "list[tuple[str, Entry, float]]":
        """Return the field, entry and cosine of the nearest questions and of respelled ones.

        A distant question is only a candidate if none is nearer.
        """
        entries = context.matchable_entries
        if not entries:
            return []
        rows = from_bytes(entries.vectors()).reshape(len(entries), -1)
        similarity = cosines(vector, rows)
        decoded = (
            (*entry, cosine)
            for row, cosine in find_candidates(similarity, self._least_cosine, limit=len(entries))
            if (entry := entries.decode(row)) and self._is_candidate(question, entry[1], context)
        )
        nearest = islice(decoded, MAX_CANDIDATES)
        near = [
            each
            for place, each in enumerate(nearest)
            if place == 0 or not is_distant(each[2], self._settings)
        ]
        fields = {field for field, _, _ in near}
        similar = find_similar_texts(question, entries.texts())
        far = [
            (*entry, cosine)
            for at, cosine in find_candidates(similarity[similar], -1, limit=_MAX_SIMILAR)
            if (entry := entries.decode(similar[at]))
            and is_respelled(question, entry[1].question)
            and entry[0] not in fields
            and self._is_candidate(question, entry[1], context)
        ]
        return near + far

    def _is_candidate(self, question: str, entry: "Entry", context: "MissContext") -> bool:
        is_whole = not is_truncated(entry.question, self._settings.question_max_tokens)
        return is_whole and refused_pair(question, entry.question) not in context.refusals

    @property
    def _least_cosine(self) -> float:
        return least_cosine(self._settings, by_model=self._load_model is not None)

    async def _decide(self, question: str, other: str, *, distant: bool) -> Decision:
        if self._load_model is None:
            return decide(question, other, self._packs)
        return await asyncio.to_thread(
            self._decide_by_model, question, other, self._load_model, distant=distant
        )

    def _decide_by_model(
        self,
        question: str,
        other: str,
        load_model: "Callable[[], QuestionPairModel]",
        *,
        distant: bool,
    ) -> Decision:
        return decide(
            question,
            other,
            self._packs,
            model=load_model(),
            threshold=max(self._settings.similarity_threshold, self._raised_threshold),
            distant=distant,
        )

    def _must_verify(self, decision: Decision) -> bool:
        if self._verifier is None or decision.is_certain:
            return False
        if decision.probability is None:
            return decision.is_match
        if decision.is_match:
            return decision.probability < self._settings.verifier_until
        return decision.probability >= max(self._settings.verifier_from, self._raised_threshold)

    @property
    def _raised_threshold(self) -> float:
        return self._raised.value if self._raised else 0.0

    async def _verify(self, question: str, other: str, session: "CacheSession") -> bool:
        if self._verifier is None:
            return True
        verdict = await self._verifier.verify(question, other)
        session.counters.add(spent_nanodollars=nanodollars(verdict.cost))
        session.counters.add(rejected_by_verifier=int(not verdict.approved))
        return verdict.approved


def has_common_sources(own: "Sequence[Source]", other: "Sequence[Source]") -> bool:
    """Return whether another question's sources cover this question's own.

    They must contain this question's best passage and two fifths of all its passages: see
    `docs/decisions/0005-semantic-match-requires-overlapping-retrieval.md`.
    """
    other_ids = {source.chunk_id for source in other}
    common = sum(source.chunk_id in other_ids for source in own)
    return bool(own) and own[0].chunk_id in other_ids and 5 * common >= 2 * len(own)
