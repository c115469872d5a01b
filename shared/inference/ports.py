"""The interfaces of embedding models, language models and answerers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from datetime import date

    from shared.conversation import Turn
    from shared.notes.note import Source
    from shared.vectors import Vector

OnText: TypeAlias = Callable[[str], None]
"""Takes the text of an answer in parts, as it arrives. It must not block and not raise."""


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


class ReplyReader(Protocol):
    """Reads a model host's reply while it arrives."""

    @property
    def has_passed_on(self) -> bool:
        """Whether it has passed text on, so that the call cannot be repeated."""

    def begin(self) -> None:
        """Forget what was read: the call is sent, for the first time or again."""

    def feed(self, content: bytes) -> None:
        """Read the next bytes of the reply."""


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

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        max_tokens: int,
        on_text: OnText | None = None,
    ) -> Completion:
        """Continue at temperature 0 with at most `max_tokens` tokens, reasoning included.

        `on_text` gets parts that together are a beginning of the completion's text.

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
        self,
        question: str,
        sources: Sequence["Source"],
        *,
        today: "date | None" = None,
        history: Sequence["Turn"] = (),
        on_text: OnText | None = None,
    ) -> Completion:
        """Answer from the sources alone: the same input gives the same text.

        `today` is given if the answer depends on it, and `history` if the question does. `on_text`
        gets parts that together are a beginning of the answer's text; the rest is only in the
        answer.

        Raises:
            InferenceError: the model gave no usable answer before the deadline.
        """
        ...


class QuestionRewriter(Protocol):
    """Rewrites questions that depend on their history."""

    @property
    def version(self) -> str:
        """The model and the prompt: a part of the key of each cached rewrite."""

    async def rewrite(self, question: str, history: Sequence["Turn"]) -> Completion:
        """Return a question in one line that stands alone and asks for the same.

        Raises:
            UnusableCompletionError: the model works, but wrote no question.
            InferenceError: the model gave no usable reply before the deadline.
        """
        ...
