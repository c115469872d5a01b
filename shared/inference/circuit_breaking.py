"""Models behind circuit breakers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.inference.circuit_breaker import CircuitBreaker
    from shared.inference.ports import ChatModel, Completion, Embedder, Message
    from shared.vectors import Vector


class CircuitBreakingChat:
    """A `ChatModel` behind a circuit breaker."""

    def __init__(self, chat: "ChatModel", breaker: "CircuitBreaker") -> None:
        self.model = chat.model
        self._chat = chat
        self._breaker = breaker

    async def complete(self, messages: "Sequence[Message]", *, max_tokens: int) -> "Completion":
        """Continue the conversation.

        Raises:
            CircuitOpenError: the circuit breaker is open.
            InferenceError: the model gave no usable answer.
        """
        async with self._breaker.call():
            return await self._chat.complete(messages, max_tokens=max_tokens)


class CircuitBreakingEmbedder:
    """An `Embedder` behind a circuit breaker."""

    def __init__(self, embedder: "Embedder", breaker: "CircuitBreaker") -> None:
        self.model = embedder.model
        self.dimensions = embedder.dimensions
        self._embedder = embedder
        self._breaker = breaker

    async def embed(self, texts: "Sequence[str]") -> "list[Vector]":
        """Embed each text.

        Raises:
            CircuitOpenError: the circuit breaker is open.
            InferenceError: the model gave no usable answer.
        """
        async with self._breaker.call():
            return await self._embedder.embed(texts)
