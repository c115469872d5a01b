"""One generation for what is asked twice at once in one container, with Redis or without."""

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
    waiting: int = 0


class CoalescingAnswerer:
    """An `Answerer` that lets equal calls share one generation while it goes on.

    An answer is decided by its question and its sources, so whoever brings the same of both gets
    what they would have got alone: it cannot be stale, and cannot be another's. A failure is
    shared, too; what the answer cost is told to whoever asked first. The generation is given up
    when nobody waits for it any more.
    """

    def __init__(self, answerer: "Answerer") -> None:
        self.model = answerer.model
        self._answerer = answerer
        self._calls: dict[tuple[str, tuple[Source, ...]], _Call] = {}

    async def answer(self, question: str, sources: "Sequence[Source]") -> "Completion":
        """Answer from the sources alone, or share the answer that is being written from them.

        Raises:
            InferenceError: the model gave no usable answer, or not by the deadline.
        """
        key = question, tuple(sources)
        call = self._calls.get(key)
        first = call is None
        if call is None:
            answering = self._answerer.answer(question, sources)
            call = self._calls[key] = _Call(asyncio.ensure_future(answering))
        call.waiting += 1
        try:
            async with timeout_at_deadline():
                completion = await asyncio.shield(call.task)
            return completion if first else replace(completion, cost=0.0)
        except TimeoutError:
            raise InferenceTimeoutError("no whole answer was written in time; ask again") from None
        finally:
            call.waiting -= 1
            if not call.waiting:
                call.task.cancel()
            if self._calls.get(key) is call and (call.task.done() or not call.waiting):
                del self._calls[key]
