"""The adapters of a process: connections, models and the note store, each built at first use.

Only this module and `container.py` construct them. Imports are local to the part that needs them:
an exact hit loads neither numpy nor an HTTP client.
"""

# ruff: noqa: PLC0415  # see above

from functools import cached_property
from typing import TYPE_CHECKING

from shared.inference.prefixed_embedder import with_prefix
from shared.notes.embedding_profile import EmbeddingProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.aws.secrets import Secrets
    from shared.aws.warming_queue import WarmingQueue
    from shared.cache.counter_reader import CounterReader
    from shared.cache.counters import PendingCounters
    from shared.cache.feedback import Feedback
    from shared.cache.raised_threshold import RaisedThreshold
    from shared.cache.redis.client import RedisClient
    from shared.cache.redis.commands import RoundTripExtension
    from shared.inference.chat import HuggingFaceChat
    from shared.inference.circuit_breaker import CircuitBreakers
    from shared.inference.http_client import InferenceClient
    from shared.inference.ports import Answerer, Embedder, QuestionRewriter
    from shared.inference.shared_circuit_state import SharedCircuitState
    from shared.notes.store import NoteStore
    from shared.settings import Settings

_INVALIDATION_TIMEOUT = 1.0  # seconds


class Adapters:
    """Builds adapters from the settings."""

    settings: "Settings"
    embedding_profile: EmbeddingProfile
    answers_by_model: bool
    """Whether the settings' language model answers, rather than an answerer that was passed."""

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
    def pending_counters(self) -> "PendingCounters":
        """What happened and could not be counted yet."""
        from shared.cache.counters import PendingCounters

        return PendingCounters()

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
    def raised_threshold(self) -> "RaisedThreshold":
        """The threshold of semantic hits that all containers share."""
        from shared.cache.raised_threshold import RaisedThreshold

        return RaisedThreshold(self.settings)

    def round_trip_extension(self) -> "RoundTripExtension":
        """Create what reads and writes shared state in the round trips of one session."""
        circuit_state = self.shared_circuit_state()
        if not self.settings.wrong_target:
            return circuit_state
        from shared.cache.redis.commands import CombinedExtension

        return CombinedExtension(circuit_state, self.raised_threshold)

    @cached_property
    def warming_queue(self) -> "WarmingQueue | None":
        """The queue of the background function; None if there is none."""
        if not self.settings.has_warm_queue:
            return None
        from shared.aws.warming_queue import WarmingQueue

        return WarmingQueue(self.settings.warm_queue_url, self.settings.aws_region)

    @cached_property
    def feedback(self) -> "Feedback":
        """Removes answers that users reported as wrong."""
        from shared.cache.feedback import Feedback

        return Feedback(self.background_redis_client, replicas=self.settings.redis_replicas)

    @cached_property
    def counter_reader(self) -> "CounterReader":
        """Reads the counters, even if the cache is switched off."""
        from shared.cache.counter_reader import CounterReader

        return CounterReader(self.background_redis_client, self.raised_threshold)

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

    @property
    def stands_alone(self) -> "Callable[[str, Sequence[str]], bool]":
        """Whether a wording can be understood without the turns before it."""
        from shared.text.standalone import stands_alone  # its patterns are slow to compile

        return stands_alone

    @cached_property
    def question_rewriter(self) -> "QuestionRewriter | None":
        """Rewrites questions that depend on their history; None without a language model."""
        if not self.answers_by_model:
            return None
        from shared.inference.question_rewriter import LanguageModelRewriter

        return LanguageModelRewriter(self.chat, self.settings.reasoning_effort)

    @cached_property
    def coalescing_answerer(self) -> "Answerer":
        """The answerer for requests without Redis: equal calls in this process share one answer."""
        from shared.inference.coalescing_answerer import CoalescingAnswerer

        return CoalescingAnswerer(self.answerer)

    @cached_property
    def extractive_answerer(self) -> "Answerer | None":
        """Quotes the notes while the language model is down; None if this is switched off."""
        if not self.settings.extractive_fallback:
            return None
        from shared.inference.quotations.extractive import ExtractiveAnswerer

        return ExtractiveAnswerer.of(self.embedder, self.settings)
