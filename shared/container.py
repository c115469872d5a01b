"""The composition root: builds what a function needs, once a container, when it is first needed.

The only place that constructs. Imports stand where their thing is built: an exact hit loads
neither numpy nor an HTTP client, and `invalidate` no prompt.
"""

# ruff: noqa: PLC0415  # see above

import os
from functools import cached_property
from typing import TYPE_CHECKING

from shared.settings import Settings

if TYPE_CHECKING:
    from shared.assistant import Assistant, Request
    from shared.aws.secrets import Secrets
    from shared.cache.counter_reader import CounterReader
    from shared.cache.counters import PendingCounters
    from shared.cache.feedback import Feedback
    from shared.cache.pipeline_id import Pipeline
    from shared.cache.redis.client import RedisClient
    from shared.cache.session import CacheSession
    from shared.freshness import Freshness
    from shared.inference.circuit_breaker import CircuitBreakers
    from shared.inference.http_client import InferenceClient
    from shared.inference.match_verifier import MatchVerifier
    from shared.inference.ports import Answerer, ChatModel, Embedder
    from shared.notes.store import NoteStore
    from shared.question import Question
    from shared.semantic_match import SemanticMatcher

_INVALIDATION_TIMEOUT = 1.0  # seconds


class Container:
    """Everything a function needs, built at first use and kept for the container's life.

    What is given takes the place of what the settings would have built: the embedded default
    brings its own models, and tests bring theirs.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: "NoteStore | None" = None,
        embedder: "Embedder | None" = None,
        answerer: "Answerer | None" = None,
    ) -> None:
        self.settings = settings
        # Names are known without the parts: an exact hit loads no model's client.
        self._embedding_model = embedder.model if embedder else settings.embedding_model
        self._dimensions = embedder.dimensions if embedder else settings.embedding_dimensions
        self._answer_model = answerer.model if answerer else settings.chat_model
        self._answers_by_model = answerer is None
        for name, given in (("store", store), ("embedder", embedder), ("answerer", answerer)):
            if given is not None:
                self.__dict__[name] = given  # where cached_property keeps what it has built

    @classmethod
    def from_env(cls) -> "Container":
        """Build from the process's environment."""
        return cls(Settings.from_env(os.environ))

    @cached_property
    def secrets(self) -> "Secrets":
        """What the settings give or name as secrets."""
        from shared.aws.secrets import Secrets

        return Secrets(self.settings)

    @cached_property
    def inference_client(self) -> "InferenceClient":
        """The HTTP connections to the models' hosts."""
        from shared.inference.http_client import InferenceClient

        return InferenceClient(self.settings, token=self.secrets.hf_token())

    @cached_property
    def circuit_breakers(self) -> "CircuitBreakers":
        """What leaves models alone that fail."""
        from shared.inference.circuit_breaker import CircuitBreakers
        from shared.inference.shared_breaker import SharedProbes

        return CircuitBreakers.of(self.settings, SharedProbes(lambda: self.redis_client))

    @cached_property
    def embedder(self) -> "Embedder":
        """What embeds questions and notes."""
        from shared.inference.circuit_breaking import CircuitBreakingEmbedder
        from shared.inference.embeddings import HuggingFaceEmbedder

        embedder = HuggingFaceEmbedder(self.inference_client, self.settings)
        return CircuitBreakingEmbedder(embedder, self.circuit_breakers.embeddings)

    @cached_property
    def chat(self) -> "ChatModel":
        """The language model."""
        return self._circuit_breaking_chat(may_probe=True)

    @cached_property
    def answerer(self) -> "Answerer":
        """What writes answers."""
        from shared.inference.prompted_answerer import PromptedAnswerer

        settings = self.settings
        return PromptedAnswerer(self.chat, settings.context_tokens, settings.answer_tokens)

    @cached_property
    def coalescing_answerer(self) -> "Answerer":
        """The same, for when Redis cannot tell who is writing an answer already."""
        from shared.inference.coalescing_answerer import CoalescingAnswerer

        return CoalescingAnswerer(self.answerer)

    @cached_property
    def extractive_answerer(self) -> "Answerer | None":
        """What answers while the language model is left alone, if anything is to."""
        if not self.settings.extractive_fallback:
            return None
        from shared.inference.extractive import ExtractiveAnswerer

        return ExtractiveAnswerer(self.embedder)

    @cached_property
    def store(self) -> "NoteStore":
        """Where the notes are."""
        from shared.notes.factory import create_note_store

        return create_note_store(self.secrets.database_url(), self.settings.embedding_dimensions)

    @cached_property
    def redis_client(self) -> "RedisClient | None":
        """Redis, as questions use it; None where the cache is switched off."""
        if not self.settings.cache_enabled:
            return None
        from shared.cache.redis.factory import open_redis_client

        return open_redis_client(self.settings)

    @cached_property
    def background_redis_client(self) -> "RedisClient":
        """Redis, as invalidations use it: nobody waits for one, and an unheard one comes again."""
        from shared.cache.redis.factory import open_redis_client

        return open_redis_client(self.settings, timeout=_INVALIDATION_TIMEOUT)

    @cached_property
    def pipeline(self) -> "Pipeline":
        """What answers questions, as cache keys need to know it."""
        from shared.cache.pipeline_id import Pipeline
        from shared.inference.prompt import SYSTEM

        settings = self.settings
        limits = f"{settings.context_tokens} {settings.answer_tokens}"
        return Pipeline(
            embedding_model=self._embedding_model,
            dimensions=self._dimensions,
            answered_by=f"{self._answer_model} {limits} {SYSTEM}",
            retrieved_chunks=settings.retrieved_chunks,
        )

    @cached_property
    def assistant(self) -> "Assistant":
        """What answers questions."""
        from shared.assistant import Assistant

        return Assistant(
            self,
            open_session=self._open_session,
            retrieved_chunks=self.settings.retrieved_chunks,
            seconds=self.settings.inference_timeout,
        )

    @cached_property
    def semantic_matcher(self) -> "SemanticMatcher":
        """What tells whether two questions are one."""
        from shared.inference.match_verifier import ModelVerifier, NoVerifier
        from shared.semantic_match import SemanticMatcher

        verifier: MatchVerifier = NoVerifier()
        if self.settings.semantic_verifier == "model" and self._answers_by_model:
            # A verdict is cut short: what that ends says nothing of the model.
            verifier = ModelVerifier(self._circuit_breaking_chat(may_probe=False))
        return SemanticMatcher(verifier, threshold=self.settings.similarity_threshold)

    @cached_property
    def freshness(self) -> "Freshness":
        """What keeps cached answers true."""
        from shared.cache.invalidation import Invalidation, NoInvalidation
        from shared.cache.pipeline_id import embedding_name
        from shared.freshness import Freshness
        from shared.notes.ingest import NoteIngester

        settings = self.settings
        ingester = NoteIngester(
            self.embedder,
            max_words=settings.chunk_words,
            overlap_words=settings.chunk_overlap_words,
        )
        invalidation = (
            Invalidation(self.background_redis_client, replicas=settings.redis_replicas)
            if settings.cache_enabled
            else NoInvalidation()
        )
        return Freshness(
            invalidation=invalidation,
            store=self.store,
            chunk_and_embed=ingester.chunk_and_embed,
            embedding_name=embedding_name(self._embedding_model),
        )

    @cached_property
    def feedback(self) -> "Feedback":
        """What removes answers that their askers found wrong."""
        from shared.cache.feedback import Feedback

        return Feedback(self.background_redis_client)

    @cached_property
    def counter_reader(self) -> "CounterReader":
        """What reads the counters; also where the cache is switched off, if Redis is there."""
        from shared.cache.counter_reader import CounterReader

        return CounterReader(self.background_redis_client)

    @cached_property
    def pending_counters(self) -> "PendingCounters":
        """What happened and could not be counted yet."""
        from shared.cache.counters import PendingCounters

        return PendingCounters()

    async def aclose(self) -> None:
        """Close every connection that was opened; the container can be used again afterwards."""
        if "pending_counters" in self.__dict__ and self.redis_client:
            await self.pending_counters.flush(self.redis_client)
        for name in ("redis_client", "background_redis_client", "store", "inference_client"):
            opened = self.__dict__.get(name)
            if opened is not None:
                await opened.aclose()

    def _circuit_breaking_chat(self, *, may_probe: bool) -> "ChatModel":
        from shared.inference.chat import HuggingFaceChat
        from shared.inference.circuit_breaking import CircuitBreakingChat

        chat = HuggingFaceChat(self.inference_client, self.settings)
        return CircuitBreakingChat(chat, self.circuit_breakers.chat, may_probe=may_probe)

    def _open_session(self, request: "Request", question: "Question") -> "CacheSession":
        from shared.cache.keyspace import UserKeys
        from shared.cache.session import CacheSession
        from shared.inference.shared_breaker import SharedBreakers

        partition = UserKeys.of(request.user_id).partition
        return CacheSession(
            None if request.no_store else self.redis_client,
            self.settings,
            user_id=request.user_id,
            question=question.normal,
            pipeline=self.pipeline,
            pending_counters=self.pending_counters,
            extension=SharedBreakers(self.circuit_breakers, partition, self.pending_counters),
        )
