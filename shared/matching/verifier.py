"""Placeholder, to be replaced by the matching work under way."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shared.inference.model import ChatModel


class Verifier(Protocol):
    """Says whether one answer would serve both questions."""

    async def same(self, a: str, b: str, *, deadline: float | None = None) -> bool:
        """Say yes only where it is clear."""
        ...


class NoVerifier:
    """Trusts the guard."""

    async def same(self, a: str, b: str, *, deadline: float | None = None) -> bool:
        """Always yes."""
        return True


class ModelVerifier:
    """Asks the chat model."""

    def __init__(self, chat: "ChatModel") -> None:
        self._chat = chat

    async def same(self, a: str, b: str, *, deadline: float | None = None) -> bool:
        """Never yes, for now."""
        return False
