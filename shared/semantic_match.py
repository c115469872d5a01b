"""Finds a cached answer to another question that is equivalent to this one.

Each step is more expensive than the one before, and runs only if that one agrees: cosine, matching
rules, the cached answer's sources, LLM verifier.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.cache.index_entries import nanodollars
from shared.cache.keyspace import refused_pair
from shared.matching.candidates import find_candidates
from shared.matching.decision import decide
from shared.question import EMBEDDING_MAX_TOKENS, is_truncated
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack
from shared.vectors import from_bytes, stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.cache.results import LookupResult, MissContext
    from shared.cache.session import CacheSession
    from shared.inference.match_verifier import MatchVerifier
    from shared.notes.note import Source
    from shared.vectors import Vector


_SOURCES_DIFFER = "sources: the questions retrieve different passages"


@dataclass(frozen=True, slots=True)
class Match:
    """The cached answer, or why the nearest candidate was rejected. Both are None without one."""

    found: "LookupResult | None" = None
    rejection: str | None = None


class SemanticMatcher:
    """Matches a question with a user's cached questions."""

    def __init__(
        self,
        verifier: "MatchVerifier | None",
        *,
        threshold: float,
        question_max_tokens: int = EMBEDDING_MAX_TOKENS,
        packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS,
    ) -> None:
        """`threshold`: the lowest cosine of a match, from -1 to 1; `packs`: as for `decide`.

        Without a verifier the matching rules decide alone.
        """
        self._verifier = verifier
        self._threshold = threshold
        self._question_max_tokens = question_max_tokens
        self._packs = packs

    async def match(
        self,
        question: str,
        vector: "Vector",
        sources: "Sequence[Source]",
        context: "MissContext",
        session: "CacheSession",
    ) -> Match:
        """Find a candidate that is equivalent to `question`, and store the match as an alias.

        This makes at most two round trips: one reads a single answer, one stores its alias.

        Args:
            question: the wording.
            vector: the question's embedding.
            sources: the result of the question's own search.
            context: the user's other answered questions, and the matches that they refused.
            session: the request's cache session.
        """
        entries = context.matchable_entries
        fields = list(entries)
        vectors = stack([from_bytes(entries[field].vector) for field in fields])
        rejection = None
        for index, similarity in find_candidates(vector, vectors, self._threshold):
            field = fields[index]
            entry = entries[field]
            if is_truncated(entry.question, self._question_max_tokens):
                continue  # only the beginning of that question was compared
            if context.refusals and refused_pair(question, entry.question) in context.refusals:
                continue
            decision = decide(question, entry.question, self._packs)
            if not decision.is_match:
                session.counters.add(rejected_by_rules=int(rejection is None))  # once per request
                rejection = rejection or decision.reason
                continue
            found = await session.get_answer(field, entry)
            if not found.answer:
                return Match(rejection=rejection)  # dropped or evicted since round trip 2
            if not has_common_sources(sources, found.sources or ()):
                session.counters.add(rejected_by_sources=1)
                return Match(rejection=rejection or _SOURCES_DIFFER)
            if self._verifier:
                verdict = await self._verifier.verify(question, entry.question)
                session.counters.add(spent_nanodollars=nanodollars(verdict.cost))
                if not verdict.approved:
                    session.counters.add(rejected_by_verifier=1)
                    return Match(rejection="verifier")
            alias = await session.store_alias(vector, sources, (field, entry), similarity)
            if not alias:
                return Match()
            return Match(
                replace(found, matched_question=entry.question, similarity=similarity, alias=alias)
            )
        return Match(rejection=rejection)


def has_common_sources(own: "Sequence[Source]", other: "Sequence[Source]") -> bool:
    """Return whether another question's sources cover this question's own.

    They must contain this question's best passage and two fifths of all its passages: see
    `docs/decisions/0005-semantic-match-requires-overlapping-retrieval.md`.
    """
    other_ids = {source.chunk_id for source in other}
    common = sum(source.chunk_id in other_ids for source in own)
    return bool(own) and own[0].chunk_id in other_ids and 5 * common >= 2 * len(own)
