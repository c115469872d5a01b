"""The interface of the components that answer a question."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.cache.user_budget import UserBudget
    from shared.inference.circuit_breaker import CircuitBreakers
    from shared.inference.ports import Answerer, Embedder
    from shared.match_judging import MatchSampler
    from shared.notes.store import NoteStore
    from shared.question_resolver import QuestionResolver
    from shared.semantic_match import SemanticMatcher


class AskDependencies(Protocol):
    """What a miss needs. `Container` creates each at its first use; a hit needs only the first."""

    @property
    def question_resolver(self) -> "QuestionResolver":
        """Derives the question that stands alone."""

    @property
    def circuit_breakers(self) -> "CircuitBreakers":
        """The circuit breakers of the models."""

    @property
    def question_embedder(self) -> "Embedder":
        """Embeds the question."""

    @property
    def store(self) -> "NoteStore":
        """Searches the notes."""

    @property
    def semantic_matcher(self) -> "SemanticMatcher":
        """Finds a cached question that is equivalent."""

    @property
    def match_sampler(self) -> "MatchSampler":
        """Selects the semantic hits that are judged after their replies."""

    @property
    def answerer(self) -> "Answerer":
        """Generates the answer."""

    @property
    def coalescing_answerer(self) -> "Answerer":
        """Generates the answer if Redis is unavailable: equal calls share one generation."""

    @property
    def user_budget(self) -> "UserBudget":
        """Limits what each user's questions generate in a day."""

    @property
    def extractive_answerer(self) -> "Answerer | None":
        """Quotes the notes while a model is down; None if this is switched off."""
