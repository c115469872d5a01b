"""Use case: cache warming, which asks questions again in the background.

A warmed answer takes the same way as one that a user waits for: single-flight lock, fence, circuit
breaker, store. But it never waits for another request, never calls a model while a circuit breaker
is not closed, and has a budget of its own for each user and day.
"""

import logging
from collections import Counter
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from shared.answer_stream import AnswerStream
from shared.ask_state import AskState, SharedResult
from shared.deadline import deadline_scope, remaining_seconds
from shared.errors import (
    BudgetExceededError,
    CacheUnavailableError,
    CircuitOpenError,
    StoreUnavailableError,
    TercetError,
)
from shared.question import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.ask_dependencies import AskDependencies
    from shared.assistant import Assistant
    from shared.cache.pending_questions import PendingQuestions
    from shared.cache.warming_session import WarmingSession
    from shared.inference.ports import Completion
    from shared.question import Question
    from shared.reply import Reply
    from shared.settings import Settings

_log = logging.getLogger(__name__)


class WarmingOutcome(StrEnum):
    """How warming a question ended."""

    ANSWERED = "answered"
    """It has a new answer in the cache."""
    CACHED = "cached"
    """It has an answer in the cache, or another question has one that serves it."""
    IN_PROGRESS = "in_progress"
    """Another request generates the answer."""
    NO_NOTES = "no_notes"
    FAILED = "failed"
    """The question is invalid, or a model failed."""
    OUTDATED = "outdated"
    """Notes changed, or the user was deleted, since warming was requested."""
    CIRCUIT_NOT_CLOSED = "circuit_not_closed"
    BUDGET_USED = "budget_used"
    CACHE_UNAVAILABLE = "cache_unavailable"
    UNFINISHED = "unfinished"
    """There was no time left, or the note store was unavailable."""


_FINAL = frozenset(
    {
        WarmingOutcome.CIRCUIT_NOT_CLOSED,
        WarmingOutcome.BUDGET_USED,
        WarmingOutcome.CACHE_UNAVAILABLE,
        WarmingOutcome.UNFINISHED,
    }
)
"""After these the next question would end likewise."""


_OUTCOMES: dict[type[TercetError], WarmingOutcome] = {
    CircuitOpenError: WarmingOutcome.CIRCUIT_NOT_CLOSED,
    BudgetExceededError: WarmingOutcome.BUDGET_USED,
    CacheUnavailableError: WarmingOutcome.CACHE_UNAVAILABLE,
    StoreUnavailableError: WarmingOutcome.UNFINISHED,
}


class Warmer:
    """Asks questions again in the background, one after the other."""

    def __init__(
        self,
        dependencies: "AskDependencies",
        assistant: "Assistant",
        *,
        pending: "PendingQuestions",
        open_session: "Callable[[Request, Question, str], WarmingSession]",
        settings: "Settings",
    ) -> None:
        """`open_session` takes the fence that must be the user's; empty for any."""
        self._dependencies = dependencies
        self._assistant = assistant
        self._pending = pending
        self._open_session = open_session
        self._seconds = settings.inference_timeout

    async def warm_pending(self, user_id: str, fence: str) -> "Counter[WarmingOutcome]":
        """Ask a user's pending questions again while the fence is `fence`.

        Returns the number of questions by outcome. A question that was not asked, or whose answer
        is outdated, stays pending: the next note change requests it again.
        """
        outcomes: Counter[WarmingOutcome] = Counter()
        try:
            entries = await self._pending.read(user_id, fence)
            for at, (field, entry) in enumerate(entries):
                request = Request(user_id, entry.question, tags=entry.tags)
                outcome = await self._warm(request, fence)
                if outcome in _FINAL or outcome is WarmingOutcome.OUTDATED:
                    outcomes[outcome] += len(entries) - at
                    break
                outcomes[outcome] += 1
                await self._pending.remove(user_id, field)
        except CacheUnavailableError:
            outcomes[WarmingOutcome.CACHE_UNAVAILABLE] += 1
        return outcomes

    async def warm_given(self, requests: "Sequence[Request]") -> "Counter[WarmingOutcome]":
        """Ask given questions in advance. Return the number of questions by outcome."""
        outcomes: Counter[WarmingOutcome] = Counter()
        for at, request in enumerate(requests):
            outcome = await self._warm(request)
            if outcome in _FINAL:
                outcomes[outcome] += len(requests) - at
                break
            outcomes[outcome] += 1
        return outcomes

    async def _warm(self, request: "Request", fence: str = "") -> WarmingOutcome:
        if remaining_seconds() < self._seconds:
            return WarmingOutcome.UNFINISHED
        with deadline_scope(self._seconds):
            try:
                question = await self._dependencies.question_resolver.resolve(request)
                session = self._open_session(request, question, fence)
                if not fence:
                    await session.lookup(only_fence=True)  # a new user has none
                return await self._answer(request, question, session)
            except TercetError as error:
                return _outcome_of_error(error)

    async def _answer(
        self, request: "Request", question: "Question", session: "WarmingSession"
    ) -> WarmingOutcome:
        found = await session.lookup()
        if session.status == "ok" and (session.is_outdated or found.is_final):
            return WarmingOutcome.OUTDATED if session.is_outdated else WarmingOutcome.CACHED
        context = await session.load_miss_context()
        if session.status != "ok":
            return WarmingOutcome.CACHE_UNAVAILABLE
        if not context.may_generate:
            return WarmingOutcome.IN_PROGRESS
        spend = partial(self._spend, session)
        stream = AnswerStream[SharedResult]()
        ask = AskState(request, question, session, stream, found.sources, spend)
        failure = None
        async with session.hold_lock():
            try:
                self._require_closed(session)
                reply = await self._assistant.answer_miss(ask, context)
            except TercetError as error:
                failure = error  # not raised here: a request that waits for the lock tries itself
        if failure:
            raise failure
        return _outcome(reply)

    async def _spend(
        self,
        session: "WarmingSession",
        user_id: str,
        generate: "Callable[[], Awaitable[Completion]]",
    ) -> "Completion":
        """Generate within the budget of warming, if the circuit breakers are still closed."""
        self._require_closed(session)

        async def generate_if_closed() -> "Completion":
            self._require_closed(session)
            return await generate()

        spend = self._dependencies.user_budget.spend
        return await spend(user_id, generate_if_closed, warming=True)

    def _require_closed(self, session: "WarmingSession") -> None:
        """Require that models may be called, and that the answer can be stored."""
        if session.status != "ok":
            raise CacheUnavailableError("the cache became unavailable: no question is warmed")
        if self._dependencies.circuit_breakers.state != "closed":
            raise CircuitOpenError("a circuit breaker is not closed: no question is warmed")


def _outcome_of_error(error: TercetError) -> WarmingOutcome:
    for kind, outcome in _OUTCOMES.items():
        if isinstance(error, kind):
            return outcome
    _log.warning("a question was not warmed: %s", type(error).__name__)
    return WarmingOutcome.FAILED


def _outcome(reply: "Reply") -> WarmingOutcome:
    if reply.answer is None:
        return WarmingOutcome.NO_NOTES
    if reply.stored:
        return WarmingOutcome.ANSWERED
    if reply.answer.incomplete:
        return WarmingOutcome.FAILED
    return WarmingOutcome.CACHED if reply.match else WarmingOutcome.OUTDATED
