"""Models behind their breakers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.inference.circuit_breaker import CircuitBreaker
    from shared.inference.ports import ChatModel, Completion, Embedder, Message
    from shared.vectors import Vector


class CircuitBreakingChat:
    """A `ChatModel` that is left alone while it fails."""

    def __init__(
        self, chat: "ChatModel", breaker: "CircuitBreaker", *, may_probe: bool = True
    ) -> None:
        """`may_probe`: see `CircuitBreaker.call`."""
        self.model = chat.model
        self._chat = chat
        self._breaker = breaker
        self._may_probe = may_probe

    async def complete(self, messages: "Sequence[Message]", *, max_tokens: int) -> "Completion":
        """Continue the conversation.

        Raises:
            CircuitOpenError: the model is left alone for now.
            InferenceError: the model gave no usable answer.
        """
        async with self._breaker.call(may_probe=self._may_probe):
            return await self._chat.complete(messages, max_tokens=max_tokens)


class CircuitBreakingEmbedder:
    """An `Embedder` that is left alone while it fails."""

    def __init__(self, embedder: "Embedder", breaker: "CircuitBreaker") -> None:
        self.model = embedder.model
        self.dimensions = embedder.dimensions
        self._embedder = embedder
        self._breaker = breaker

    async def embed(self, texts: "Sequence[str]") -> "list[Vector]":
        """Embed each text.

        Raises:
            CircuitOpenError: the model is left alone for now.
            InferenceError: the model gave no usable answer.
        """
        async with self._breaker.call():
            return await self._embedder.embed(texts)
