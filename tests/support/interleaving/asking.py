"""Asks, each held to what the oracle allows."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

from shared.assistant import Assistant
from shared.errors import UnavailableError
from shared.question import Request
from shared.reply import Reply
from shared.semantic_match import has_common_sources
from tests.support.interleaving.history import History, StaleError, Version, explain
from tests.support.interleaving.ports import (
    Chance,
    WatchedConnection,
    WatchedStore,
    WordEmbedder,
    found,
    quote,
)

K = 2


class Asking:
    """Asks an assistant, and judges what it says."""

    def __init__(
        self,
        assistant: Callable[[], Assistant],
        rng: Random,
        chance: Chance,
        *,
        history: History,
        redis_client: WatchedConnection,
        store: WatchedStore,
        embedder: WordEmbedder,
    ) -> None:
        """`assistant` opens another container, and gives what answers in it."""
        self._open = assistant
        self._assistants = [assistant() for _ in range(rng.choice((1, 1, 2, 3)))]
        self._rng = rng
        self._chance = chance
        self._history = history
        self._redis_client = redis_client
        self._store = store
        self._embedder = embedder

    async def ask(self, request: Request) -> Reply | None:
        """Ask while things happen; None where a fault struck."""
        floors = self._history.floors(request.user_id)
        began = self._redis_client.begins(request.user_id)
        try:
            reply = await self._assistant().ask(request)
        except UnavailableError:
            return None
        if reply.tier not in {"l1", "l3"}:  # it was searched for
            floors = dict.fromkeys(self._history.notes(request.user_id), began)
        self._judge(request, reply, floors)
        return reply

    async def ask_in_quiet(self, request: Request) -> Reply:
        """Ask when every change is acknowledged: only the notes as they are will do."""
        now = self._redis_client.begins(request.user_id)
        reply = await self._assistants[0].ask(request)
        self._judge(request, reply, dict.fromkeys(self._history.notes(request.user_id), now))
        if reply.matched_question:
            own = await self._store.search(request.user_id, self._embedder.vector(request.query), K)
            if not has_common_sources(own, reply.sources):
                raise StaleError(f"{request} still shares {reply}, but finds {own}")
        return reply

    def _assistant(self) -> Assistant:
        """Choose a container. One that will be frozen freezes whole, and nobody else is in it."""
        if asyncio.current_task() in self._chance.frozen:
            return self._open()
        return self._rng.choice(self._assistants)

    def _judge(self, request: Request, reply: Reply, floors: Mapping[str, int]) -> None:
        admissible = self._history.admissible(request.user_id, floors)
        # Another wording's answer is what the uncached pipeline gives to that wording.
        wrong = self._wrong(reply.matched_question or request.query, reply, admissible)
        if wrong:
            raise StaleError(f"{request} got {reply}, but {wrong}")

    def _wrong(
        self, question: str, reply: Reply, admissible: Mapping[str, Sequence[Version]]
    ) -> str | None:
        vector = self._embedder.vector(question)
        wrong = explain(reply.sources, admissible, lambda chunk: found(vector, chunk), K)
        text = reply.answer.text if reply.answer else None
        if wrong is None and text != (quote(question, reply.sources) if reply.sources else None):
            return "its text is not of its sources"
        return wrong
