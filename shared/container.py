"""The composition root: builds what a function needs, at first use, once per process.

Only this module constructs adapters. Imports are local to the part that needs them: an exact hit
loads neither numpy nor an HTTP client, and `invalidate` loads no prompt.
"""

# ruff: noqa: PLC0415  # see above

import os
from functools import cached_property, partial
from typing import TYPE_CHECKING

from shared.inference.prefixed_embedder import with_prefix
from shared.notes.embedding_profile import EmbeddingProfile
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.assistant import Assistant
    from shared.aws.secrets import Secrets
    from shared.cache.counter_reader import CounterReader
    from shared.cache.counters import PendingCounters
    from shared.cache.feedback import Feedback
    from shared.cache.pipeline_id import PipelineId
    from shared.cache.redis.client import RedisClient
    from shared.cache.session import CacheSession
    from shared.cache.user_budget import UserBudget
    from shared.freshness import Freshness
    from shared.inference.chat import HuggingFaceChat
    from shared.inference.circuit_breaker import CircuitBreakers
    from shared.inference.http_client import InferenceClient
    from shared.inference.ports import Answerer, Embedder
    from shared.inference.shared_circuit_state import SharedCircuitState
    from shared.notes.store import NoteStore
    from shared.question import Question, Request
    from shared.semantic_match import SemanticMatcher
    from shared.text.vocabulary_packs import VocabularyPack

_INVALIDATION_TIMEOUT = 1.0  # seconds


class Container:
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
        self._answers_by_model = answerer is None
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
    def secrets(self) -> "Secrets":
        """The secrets that the settings hold or name."""
        from shared.aws.secrets import Secrets

        return Secrets(self.settings)

    @cached_property
    def inference_client(self) -> "InferenceClient":
        """The HTTP connections to the model hosts."""
        from shared.inference.http_client import InferenceClient

        return InferenceClient(self.settings, token=self.secrets.hf_token())

    @cached_property
    def circuit_breakers(self) -> "CircuitBreakers":
        """The circuit breakers of the language model and the embedding model."""
        from shared.inference.circuit_breaker import CircuitBreakers
        from shared.inference.shared_circuit_state import SharedProbeLock

        probe_lock = SharedProbeLock(lambda: self.redis_client)
        return CircuitBreakers.from_settings(self.settings, probe_lock)

    def shared_circuit_state(self) -> "SharedCircuitState":
        """Create what exchanges the circuit breakers' state with Redis in one session."""
        from shared.inference.shared_circuit_state import SharedCircuitState

        return SharedCircuitState(self.circuit_breakers, self.pending_counters)

    @cached_property
    def embedder(self) -> "Embedder":
        """The embedding model, without prefixes."""
        from shared.inference.embeddings import HuggingFaceEmbedder

        breaker = self.circuit_breakers.embeddings
        return HuggingFaceEmbedder(self.inference_client, self.settings, breaker)

    @property
    def question_embedder(self) -> "Embedder":
        """Embeds questions."""
        return with_prefix(self.embedder, self.settings.query_prefix)

    @property
    def passage_embedder(self) -> "Embedder":
        """Embeds passages of notes."""
        return with_prefix(self.embedder, self.settings.passage_prefix)

    @cached_property
    def chat(self) -> "HuggingFaceChat":
        """The language model, behind its circuit breaker."""
        from shared.inference.chat import HuggingFaceChat

        return HuggingFaceChat(self.inference_client, self.settings, self.circuit_breakers.chat)

    @cached_property
    def answerer(self) -> "Answerer":
        """Generates answers."""
        from shared.inference.prompted_answerer import PromptedAnswerer

        limits = self.settings.context_tokens, self.settings.answer_tokens
        return PromptedAnswerer(self.chat, *limits, self.settings.system_prompt)

    @cached_property
    def coalescing_answerer(self) -> "Answerer":
        """The answerer for requests without Redis: equal calls in this process share one answer."""
        from shared.inference.coalescing_answerer import CoalescingAnswerer

        return CoalescingAnswerer(self.answerer)

    @cached_property
    def user_budget(self) -> "UserBudget":
        """Limits what each user's questions generate in a day."""
        from shared.cache.user_budget import UserBudget

        return UserBudget(self.redis_client, self.settings)

    @cached_property
    def extractive_answerer(self) -> "Answerer | None":
        """Quotes the notes while the language model is down; None if this is switched off."""
        if not self.settings.extractive_fallback:
            return None
        from shared.inference.quotations.extractive import ExtractiveAnswerer

        return ExtractiveAnswerer.of(self.embedder, self.settings)

    @cached_property
    def store(self) -> "NoteStore":
        """The note store."""
        from shared.notes.factory import create_note_store

        return create_note_store(self.secrets.database_url(), self.embedding_profile)

    @cached_property
    def redis_client(self) -> "RedisClient | None":
        """Redis for `ask`; None if the cache is switched off."""
        if not self.settings.cache_enabled:
            return None
        from shared.cache.redis.factory import open_redis_client

        return open_redis_client(self.settings)

    @cached_property
    def background_redis_client(self) -> "RedisClient":
        """Redis for work that no user waits for: it has a longer time-out."""
        from shared.cache.redis.factory import open_redis_client

        return open_redis_client(self.settings, timeout=_INVALIDATION_TIMEOUT)

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
    def semantic_matcher(self) -> "SemanticMatcher":
        """Finds a cached question that is equivalent to another one."""
        from shared.inference.match_verifier import MatchVerifier
        from shared.semantic_match import SemanticMatcher, pair_model_loader

        verifies = self.settings.semantic_verifier == "model" and self._answers_by_model
        verifier = MatchVerifier(self.chat.uncounted()) if verifies else None
        load_model = pair_model_loader(self.settings)
        return SemanticMatcher(self.settings, verifier, load_model, packs=self.vocabulary_packs)

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
        )

    @cached_property
    def feedback(self) -> "Feedback":
        """Removes answers that users reported as wrong."""
        from shared.cache.feedback import Feedback

        return Feedback(self.background_redis_client, replicas=self.settings.redis_replicas)

    @cached_property
    def counter_reader(self) -> "CounterReader":
        """Reads the counters, even if the cache is switched off."""
        from shared.cache.counter_reader import CounterReader

        return CounterReader(self.background_redis_client)

    @cached_property
    def pending_counters(self) -> "PendingCounters":
        """What happened and could not be counted yet."""
        from shared.cache.counters import PendingCounters

        return PendingCounters()

    async def aclose(self) -> None:
        """Close every open connection. The container can still be used: connections reopen."""
        built = vars(self)  # each part that has been built or passed, by its name
        if "pending_counters" in built and self.redis_client:
            await self.pending_counters.flush(self.redis_client)
        for name in ("redis_client", "background_redis_client", "store", "inference_client"):
            if part := built.get(name):
                await part.aclose()

    def _open_session(self, request: "Request", question: "Question") -> "CacheSession":
        from shared.cache.session import CacheSession

        return CacheSession(
            None if request.no_store else self.redis_client,
            self.settings,
            user_id=request.user_id,
            question=question.identity,
            wording=question.wording,
            pipeline=self.pipeline.on_day(question.day),
            exact=request.exact,
            pending_counters=self.pending_counters,
            extension=self.shared_circuit_state(),
        )
