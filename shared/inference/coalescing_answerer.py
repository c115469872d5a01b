"""Equal calls in one process share one generation: used while Redis is unavailable."""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.deadline import timeout_at_deadline
from shared.errors import InferenceTimeoutError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.inference.ports import Answerer, Completion
    from shared.notes.note import Source


@dataclass(slots=True)
class _Call:
    task: "asyncio.Task[Completion]"
    waiters: int = 0


class CoalescingAnswerer:
    """An `Answerer` whose concurrent equal calls share one generation.

    The question and the sources determine an answer, so a shared answer is neither stale nor
    another user's. Errors are shared too. The first caller (the leader) gets the cost. The
    generation is cancelled when no caller waits for it.
    """

    def __init__(self, answerer: "Answerer") -> None:
        self.model = answerer.model
        self._answerer = answerer
        self._calls: dict[tuple[str, tuple[Source, ...]], _Call] = {}

    async def answer(self, question: str, sources: "Sequence[Source]") -> "Completion":
        """Answer from the sources, or share the answer of an equal call.

        Raises:
            InferenceError: the model gave no usable answer before this caller's deadline.
        """
        key = question, tuple(sources)
        call = self._calls.get(key)
        is_leader = call is None
        if call is None:
            task = asyncio.ensure_future(self._answerer.answer(question, sources))
            call = self._calls[key] = _Call(task)
        call.waiters += 1
        try:
            async with timeout_at_deadline():
                completion = await asyncio.shield(call.task)
            return completion if is_leader else replace(completion, cost=0.0)
        except TimeoutError:
            raise InferenceTimeoutError("the answer was not complete in time; retry") from None
        finally:
            call.waiters -= 1
            if not call.waiters:
                call.task.cancel()
            if self._calls.get(key) is call and (call.task.done() or not call.waiters):
                del self._calls[key]
