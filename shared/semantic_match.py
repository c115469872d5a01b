"""Does the answer to another question serve this one? Candidate, guard, sources, verifier.

From cheap to dear: each step is taken only where the one before agrees.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.cache.index_entries import nanodollars
from shared.matching.candidates import find_candidates
from shared.matching.decision import decide
from shared.text.vocabulary_packs import DEFAULT_PACKS, VocabularyPack
from shared.vectors import from_bytes, stack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.cache.index_entries import Entry
    from shared.cache.results import LookupResult
    from shared.cache.session import CacheSession
    from shared.inference.match_verifier import MatchVerifier
    from shared.notes.note import Source
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class Match:
    """What was found, or why what was near would not do; neither where nothing was near."""

    found: "LookupResult | None" = None
    refused: str | None = None


class SemanticMatcher:
    """Finds the answer to another wording of a question among a user's cached answers."""

    def __init__(
        self,
        verifier: "MatchVerifier",
        *,
        threshold: float,
        packs: tuple[VocabularyPack, ...] = DEFAULT_PACKS,
    ) -> None:
        """`threshold`: the least cosine of a match, from -1 to 1; `packs`: as for `decide`."""
        self._verifier = verifier
        self._threshold = threshold
        self._packs = packs

    async def match(
        self,
        question: str,
        vector: "Vector",
        sources: "Sequence[Source]",
        candidates: "Mapping[str, Entry]",
        session: "CacheSession",
    ) -> Match:
        """Look among `candidates`, by field, for one whose answer serves `question` as well.

        `vector` and `sources` are what the question embeds to and what its own search found.
        At most one answer is read: one round trip more, and one to share it.
        """
        fields = list(candidates)
        rows = stack([from_bytes(candidates[field].vector) for field in fields])
        refused = None
        for row, similarity in find_candidates(vector, rows, self._threshold):
            entry = candidates[fields[row]]
            decision = decide(question, entry.question, self._packs)
            if not decision.is_match:
                # Of one question, the guard's refusals count once.
                session.count(rejected_by_rules=int(refused is None))
                refused = refused or decision.reason
                continue
            found = await session.get_answer(fields[row], entry)
            if not found.answer:
                return Match(refused=refused)  # gone meanwhile, or evicted
            if not fits(sources, found.sources or ()):
                session.count(rejected_by_sources=1)
                return Match(refused=refused or "its sources are not what this question finds")
            verified = await self._verifier.verify(question, entry.question)
            session.count(spent_nanodollars=nanodollars(verified.cost))
            if not verified.approved:
                session.count(rejected_by_verifier=1)
                return Match(refused="verifier")
            alias = await session.store_alias(vector, sources, (fields[row], entry), similarity)
            if alias is None:
                return Match()
            return Match(
                replace(found, matched_question=entry.question, similarity=similarity, alias=alias)
            )
        return Match(refused=refused)


def fits(own: "Sequence[Source]", theirs: "Sequence[Source]") -> bool:
    """Whether an answer's sources are what another question retrieves closely enough.

    The passage that this question finds first must be among them, and two fifths of all: see
    `docs/decisions/0005-another-wording-must-retrieve-the-same.md`.
    """
    theirs_ids = {source.chunk_id for source in theirs}
    shared = sum(source.chunk_id in theirs_ids for source in own)
    return bool(own) and own[0].chunk_id in theirs_ids and 5 * shared >= 2 * len(own)
