"""The ports: what Tercet asks of an embedding model and of whatever writes answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.notes.note import Source
    from shared.vectors import Vector


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that a model wrote, and what it took.

    Token counts are None where the model's host does not tell. `cost` is in US dollars, by the
    prices in the settings.
    """

    text: str
    model: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float = 0.0


class Embedder(Protocol):
    """Turns texts into canonical embeddings."""

    model: str
    """The model's name: a part of every embedding's key."""

    dimensions: int

    async def embed(self, texts: Sequence[str]) -> list["Vector"]:
        """Embed each text: one canonical vector each, in order.

        Raises:
            InferenceError: the model gave no usable answer.
        """
        ...


class Answerer(Protocol):
    """Writes the answer to a question from the passages that a search found."""

    model: str

    async def answer(self, question: str, sources: Sequence["Source"]) -> Completion:
        """Answer from the sources alone, deterministically: the same input, the same text.

        Raises:
            InferenceError: the model gave no usable answer.
        """
        ...


class ChatModel(Protocol):
    """A language model that continues a conversation."""

    model: str

    async def complete(self, messages: Sequence["Message"], *, max_tokens: int) -> Completion:
        """Continue at temperature 0, writing at most `max_tokens` tokens.

        Raises:
            InferenceError: the model gave no usable answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is `system`, `user` or `assistant`."""

    role: str
    content: str
