"""What answering takes besides the cache."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.inference.circuit_breaker import CircuitBreakers
    from shared.inference.ports import Answerer, Embedder
    from shared.notes.store import NoteStore
    from shared.semantic_match import SemanticMatcher


class Parts(Protocol):
    """What answering takes; each part is made when it is first asked for. A hit needs none."""

    @property
    def circuit_breakers(self) -> "CircuitBreakers":
        """The circuit breakers of the models."""

    @property
    def embedder(self) -> "Embedder":
        """What embeds questions."""

    @property
    def store(self) -> "NoteStore":
        """Where the notes are."""

    @property
    def answerer(self) -> "Answerer":
        """What writes answers."""

    @property
    def coalescing_answerer(self) -> "Answerer":
        """The same, where equal calls share one answer."""

    @property
    def extractive_answerer(self) -> "Answerer | None":
        """What answers while the language model is left alone, if anything is to."""

    @property
    def semantic_matcher(self) -> "SemanticMatcher":
        """What tells whether another question's answer serves."""
