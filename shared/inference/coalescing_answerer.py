"""Equal calls in one process share one generation: used while Redis is unavailable."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.deadline import timeout_at_deadline
from shared.errors import InferenceTimeoutError, UnusableCompletionError
from shared.text.canonical_form import canonical_form

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from shared.inference.ports import Answerer, Completion
    from shared.notes.note import Source


class CoalescingAnswerer:
    """An `Answerer` whose concurrent equal calls share one generation.

    Spellings of one identity count as equal questions. The question, the sources and the date
    determine an answer, so a shared answer is neither stale nor another user's. Errors are shared
    too. The first caller (the leader) gets the cost, and its deadline limits the generation.
    """

    def __init__(self, answerer: "Answerer") -> None:
        self.model = answerer.model
        self._answerer = answerer
        self._tasks: dict[
            tuple[str, tuple[Source, ...], date | None], asyncio.Task[Completion]
        ] = {}

    async def answer(
        self, question: str, sources: "Sequence[Source]", *, today: "date | None" = None
    ) -> "Completion":
        """Answer from the sources, or share the answer of an equal call."""
        key = canonical_form(question), tuple(sources), today
        task = self._tasks.get(key)
        is_leader = task is None
        if task is None:
            task = asyncio.ensure_future(self._answerer.answer(question, sources, today=today))
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key))
        try:
            async with timeout_at_deadline():
                completion = await asyncio.shield(task)
        except TimeoutError:
            raise InferenceTimeoutError("the answer was not complete in time; retry") from None
        except UnusableCompletionError as error:
            raise error if is_leader else UnusableCompletionError(str(error)) from None
        return completion if is_leader else replace(completion, cost=0.0)
