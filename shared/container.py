"""The composition root: builds what a function needs, at first use, once per process.

Imports are local to the part that needs them: an exact hit loads neither numpy nor an HTTP client,
and `invalidate` loads no prompt. `adapters.py` builds the connections and models.
"""

# ruff: noqa: PLC0415  # see above

import os
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from shared.adapters import Adapters
from shared.notes.embedding_profile import EmbeddingProfile
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.assistant import Assistant
    from shared.background_requests import BackgroundRequests
    from shared.cache.pending_questions import WarmingRequests
    from shared.cache.pipeline_id import PipelineId
    from shared.cache.redis.client import RedisClient
    from shared.cache.session import CacheSession
    from shared.cache.user_budget import UserBudget
    from shared.cache.warming_session import WarmingSession
    from shared.freshness import Freshness
    from shared.inference.ports import Answerer, Embedder
    from shared.match_judging import MatchJudging, MatchSampler
    from shared.notes.store import NoteStore
    from shared.question import Question, Request
    from shared.question_resolver import QuestionResolver
    from shared.semantic_match import SemanticMatcher
    from shared.text.vocabulary_packs import VocabularyPack
    from shared.warming import Warmer

SessionT = TypeVar("SessionT", bound="CacheSession")


class Container(Adapters):
    """The parts of Tercet, each built from the settings at its first use.

    A part that is passed to the constructor or to `override` replaces the built one. The local
    mode passes its own models, and tests pass theirs.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: "NoteStore | None" = None,
        embedder: "Embedder | None" = None,
        answerer: "Answerer | None" = None,
        redis_client: "RedisClient | None" = None,
    ) -> None:
        """Pass a part to replace what the settings would build; None builds it."""
        self.settings = settings
        # Cache keys need the models' names, and an exact hit builds no model.
        self.embedding_profile = EmbeddingProfile.of(settings, embedder)
        self._answer_model = answerer.model if answerer else settings.chat_model
        self.answers_by_model = answerer is None
        self.override(store=store, embedder=embedder, answerer=answerer, redis_client=redis_client)

    def override(self, **parts: object) -> None:
        """Replace parts by name, e.g. `override(store=MemoryNoteStore())`; None replaces nothing.

        Parts that were built from the former one are not rebuilt.

        Raises:
            TypeError: there is no part of this name.
        """
        for name, part in parts.items():
            if not isinstance(getattr(type(self), name, None), cached_property):
                raise TypeError(f"a container has no part {name!r}")
            if part is not None:
                setattr(self, name, part)

    @classmethod
    def from_env(cls) -> "Container":
        """Read the settings from the process's environment variables."""
        return cls(Settings.from_env(os.environ))

    @cached_property
    def user_budget(self) -> "UserBudget":
        """Limits what each user's questions generate in a day."""
        from shared.cache.user_budget import UserBudget

        return UserBudget(self.redis_client, self.settings)

    @cached_property
    def pipeline(self) -> "PipelineId":
        """Identifies the models and limits in cache keys."""
        from shared.cache.pipeline_id import PipelineId
        from shared.inference.prompt import PROMPT_TEMPLATE

        profile, settings = self.embedding_profile, self.settings
        return PipelineId(
            embedding=profile.text,
            dimensions=profile.dimensions,
            answered_by=f"{self._answer_model} {settings.answer_parameters} {PROMPT_TEMPLATE}",
            retrieved_chunks=settings.retrieved_chunks,
        )

    @cached_property
    def assistant(self) -> "Assistant":
        """Answers questions."""
        from shared.assistant import Assistant

        return Assistant(self, open_session=self._open_session, settings=self.settings)

    @cached_property
    def question_resolver(self) -> "QuestionResolver":
        """Derives the question that stands alone."""
        from shared.question_resolver import QuestionResolver

        return QuestionResolver(self, self.settings)

    @cached_property
    def semantic_matcher(self) -> "SemanticMatcher":
        """Finds a cached question that is equivalent to another one."""
        from shared.inference.match_verifier import MatchVerifier
        from shared.semantic_match import SemanticMatcher, pair_model_loader

        verifies = self.settings.semantic_verifier == "model" and self.answers_by_model
        verifier = MatchVerifier(self.chat.uncounted()) if verifies else None
        return SemanticMatcher(
            self.settings,
            verifier,
            pair_model_loader(self.settings),
            raised=self.raised_threshold,
            packs=self.vocabulary_packs,
        )

    @cached_property
    def match_sampler(self) -> "MatchSampler":
        """Selects the semantic hits that are judged; none without a language model or a queue."""
        from shared.match_judging import MatchSampler

        can_judge = self.answers_by_model and self.settings.warm_queue_url
        send = self.judging_tasks.send if can_judge else None
        return MatchSampler(self.settings.judged_share, send)

    @cached_property
    def judging_tasks(self) -> "BackgroundRequests":
        """Judges in this process, or sends to the queue: both after the reply."""
        from shared.background_requests import BackgroundRequests

        queue = self.warming_queue
        return BackgroundRequests(queue.send_match if queue else self.match_judging.judge)

    @cached_property
    def match_judging(self) -> "MatchJudging":
        """Judges semantic hits after their replies."""
        from shared.cache.judged_matches import JudgedMatches
        from shared.inference.match_judge import MatchJudge
        from shared.match_judging import MatchJudging

        matches = JudgedMatches(self.background_redis_client, self.raised_threshold)
        return MatchJudging(matches, MatchJudge(self.chat.uncounted()), self.feedback)

    @cached_property
    def vocabulary_packs(self) -> "tuple[VocabularyPack, ...]":
        """The optional vocabulary for matching and chunking."""
        from shared.text.vocabulary_packs import load_packs

        return load_packs(self.settings.vocabulary_packs)

    @cached_property
    def freshness(self) -> "Freshness":
        """Applies note changes to the store and the cache."""
        from shared.cache.invalidation import Invalidation
        from shared.cache.pipeline_id import embedding_name
        from shared.freshness import Freshness
        from shared.notes.chunking.split import ChunkLimits
        from shared.notes.ingest import chunk_and_embed

        settings = self.settings
        redis_client = self.background_redis_client if settings.cache_enabled else None
        return Freshness(
            invalidation=Invalidation(redis_client, replicas=settings.redis_replicas),
            store=self.store,
            chunk_and_embed=partial(
                chunk_and_embed,
                embedder=self.passage_embedder,
                limits=ChunkLimits.of(settings),
                packs=self.vocabulary_packs,
            ),
            embedding_name=embedding_name(self.embedding_profile.text),
            warming=self._warming_requests(),
        )

    @cached_property
    def warmer(self) -> "Warmer":
        """Asks questions again in the background."""
        from shared.cache.pending_questions import PendingQuestions
        from shared.warming import Warmer

        return Warmer(
            self,
            self.assistant,
            pending=PendingQuestions(self.background_redis_client),
            open_session=self._open_warming_session,
            settings=self.settings,
        )

    @cached_property
    def warming_tasks(self) -> "BackgroundRequests":
        """Warms in this process."""
        from shared.background_requests import BackgroundRequests

        return BackgroundRequests(self.warmer.warm_pending)

    def _warming_requests(self) -> "WarmingRequests | None":
        """Return how note changes request warming; None if it is off or has no queue."""
        settings = self.settings
        if not (settings.warm_queue_url and settings.cache_enabled) or settings.warming == "off":
            return None
        from shared.cache.pending_questions import WarmingPolicy, WarmingRequests

        min_hits = settings.warm_min_hits if settings.warming == "popular" else None
        policy = WarmingPolicy(min_hits, settings.warm_max_per_change)
        return WarmingRequests(policy, (self.warming_queue or self.warming_tasks).send)

    async def aclose(self) -> None:
        """Close every open connection. The container can still be used: connections reopen."""
        built = vars(self)  # each part that has been built or passed, by its name
        for name in ("warming_tasks", "judging_tasks"):
            if tasks := built.get(name):
                await tasks.aclose()
        if "pending_counters" in built and self.redis_client:
            await self.pending_counters.flush(self.redis_client)
        for name in ("redis_client", "background_redis_client", "store", "inference_client"):
            if part := built.get(name):
                await part.aclose()

    def _open_session(self, request: "Request", question: "Question") -> "CacheSession":
        from shared.cache.session import CacheSession

        follow_up = question.follow_up
        bypasses = request.no_store or question.is_unresolved
        redis_client = None if bypasses else self.redis_client
        fence = follow_up.fence if follow_up else ""
        session = self._new_session(CacheSession, redis_client, request, question, fence)
        if follow_up and follow_up.has_lost_fence and session.status == "ok":
            session.disable("unavailable")
        if follow_up and follow_up.began is not None:
            session.counters.started_at(follow_up.began)
        return session

    def _open_warming_session(
        self, request: "Request", question: "Question", fence: str
    ) -> "WarmingSession":
        from shared.cache.warming_session import WarmingSession

        redis_client = self.background_redis_client if self.settings.cache_enabled else None
        return self._new_session(WarmingSession, redis_client, request, question, fence)

    def _new_session(
        self,
        kind: "type[SessionT]",
        redis_client: "RedisClient | None",
        request: "Request",
        question: "Question",
        fence: str,
    ) -> "SessionT":
        return kind(
            redis_client,
            self.settings,
            user_id=request.user_id,
            question=question.identity,
            wording=question.wording,
            pipeline=self.pipeline.on_day(question.day).with_tags(question.tags),
            exact=request.exact,
            fence=fence,
            pending_counters=self.pending_counters,
            extension=self.round_trip_extension(),
        )
