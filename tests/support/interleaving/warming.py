"""Receives the messages that request warming, and checks what the warmer generates."""

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from shared.answer import Answer
from shared.cache.pending_questions import WarmingPolicy, WarmingRequests
from shared.cache.warming_session import WarmingSession
from shared.container import Container
from shared.inference.ports import Answerer, Completion
from shared.notes.note import Source
from shared.question import Question, Request
from tests.support.interleaving.history import History
from tests.support.interleaving.loop import EPOCH
from tests.support.interleaving.tasks import Tasks

if TYPE_CHECKING:
    from shared.inference.circuit_breaker import CircuitBreakers

DAILY_BUDGET = 1
_DAY = 86_400  # s


class WarmingAnswerer:
    """Answers as another answerer does. It records a violation if it must not be called."""

    def __init__(self, answerer: Answerer, history: History) -> None:
        self.model = answerer.model
        self.circuit_breakers: CircuitBreakers | None = None
        self._answerer = answerer
        self._history = history
        self._generated = 0

    async def answer(
        self, question: str, sources: Sequence[Source], **arguments: Any
    ) -> Completion:
        if self.circuit_breakers and self.circuit_breakers.state != "closed":
            self._history.violation = "warming while a circuit breaker is not closed"
        self._generated += 1
        days = 1 + int(time.time()) // _DAY - EPOCH // _DAY
        # The deletion of a user deletes what they have used, too.
        if self._generated > DAILY_BUDGET * days and not self._history.deleted:
            self._history.violation = "warming beyond its daily budget"
        return await self._answerer.answer(question, sources, **arguments)


class Warming:
    """The background function: one container, whose circuit breakers change at random."""

    def __init__(
        self,
        rng: Random,
        tasks: Tasks,
        open_container: Callable[[Answerer], Container],
        answerer: Answerer,
        *,
        history: History,
        record: Callable[[str, Answer], None],
    ) -> None:
        """`open_container` opens one with an answerer. `record` takes each stored answer."""
        self._rng = rng
        self._tasks = tasks
        checked = WarmingAnswerer(answerer, history)
        self._container = open_container(checked)
        checked.circuit_breakers = self._container.circuit_breakers
        self._container.warmer._open_session = self._recording(record)
        self._messages: list[tuple[str, str]] = []
        self.requests = WarmingRequests(WarmingPolicy(None, 2), self._send)

    def _recording(
        self, record: Callable[[str, Answer], None]
    ) -> Callable[[Request, Question, str], WarmingSession]:
        """Open sessions that record each answer that they have stored."""
        open_session = self._container.warmer._open_session

        def opened(request: Request, question: Question, fence: str) -> WarmingSession:
            session = open_session(request, question, fence)
            store = session.store

            async def recorded(vector: Any, sources: Any, answer: Answer | None) -> int:
                expires = await store(vector, sources, answer)
                if expires and answer:
                    record(request.user_id, answer)
                return expires

            session.store = recorded  # type: ignore[method-assign]  # of this session
            return session

        return opened

    async def change_circuit_breakers(self) -> None:
        """Open a circuit breaker, make it half-open or close it, several times."""
        for _ in range(self._rng.choice((0, 0, 3, 6))):
            await self._tasks.pause()
            breaker = self._rng.choice(self._container.circuit_breakers)
            remaining: float | None
            for remaining in self._rng.choice(((60.0,), (0.0,), (0.0, None))):
                breaker.update(remaining, sent_at=breaker.clock())

    async def redeliver(self) -> None:
        """Receive every message again."""
        for message in self._messages:
            await self._container.warmer.warm_pending(*message)

    async def _send(self, user_id: str, fence: str) -> None:
        self._messages.append((user_id, fence))
        for _ in range(self._rng.choice((0, 1, 1, 2))):
            self._tasks.spawn(self._receive(user_id, fence))

    async def _receive(self, user_id: str, fence: str) -> None:
        await self._tasks.pause()
        await self._tasks.outcome(self._container.warmer.warm_pending(user_id, fence))
