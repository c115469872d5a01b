"""The interfaces of embedding models, language models and answerers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from shared.notes.note import Source
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation; `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that a model generated, and its cost in US dollars.

    Token counts are None if the model host does not return them. `incomplete`: the text ends
    early, for example at the token limit. `cited` are the positions of the sources that an answer
    cites, from 1.
    """

    text: str
    model: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float = 0.0
    incomplete: bool = False
    cited: tuple[int, ...] = ()


class Embedder(Protocol):
    """Embeds texts."""

    model: str
    """The model's name: a part of the key of each cached embedding."""

    dimensions: int

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Return one canonical embedding for each text, in order.

        Raises:
            InferenceError: the model gave no usable embedding before the deadline; the subclass
                `CircuitOpenError`: its circuit breaker is open.
        """
        ...


class ChatModel(Protocol):
    """A language model that continues a conversation."""

    model: str

    async def complete(self, messages: Sequence[ChatMessage], *, max_tokens: int) -> Completion:
        """Continue at temperature 0 with at most `max_tokens` tokens, reasoning included.

        Raises:
            UnusableCompletionError: the model works, but gave no text.
            InferenceError: the model gave no usable answer before the deadline; the subclass
                `CircuitOpenError`: its circuit breaker is open.
        """
        ...


class Answerer(Protocol):
    """Answers questions from retrieved passages."""

    model: str

    async def answer(
        self, question: str, sources: Sequence["Source"], *, today: "date | None" = None
    ) -> Completion:
        """Answer from the sources alone: the same input gives the same text.

        `today` is given if the answer depends on it.

        Raises:
            InferenceError: the model gave no usable answer before the deadline.
        """
        ...
