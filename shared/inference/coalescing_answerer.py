"""Equal calls in one process share one generation: used while Redis is unavailable."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from shared.deadline import timeout_at_deadline
from shared.errors import InferenceTimeoutError, UnusableCompletionError
from shared.text.canonical_form import canonical_form

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from shared.conversation import Turn
    from shared.inference.ports import Answerer, Completion, OnText
    from shared.notes.note import Source

    _Key: TypeAlias = tuple[str, tuple[Source, ...], date | None, tuple[Turn, ...]]


class CoalescingAnswerer:
    """An `Answerer` whose concurrent equal calls share one generation.

    Spellings of one identity count as equal questions. The question, its history, the sources and
    the date determine an answer, so a shared answer is neither stale nor another user's. Errors are
    shared too. The first caller (the leader) gets the cost, and its deadline limits the generation.
    If the leader takes the text as it arrives, the others get it, too.
    """

    def __init__(self, answerer: "Answerer") -> None:
        self.model = answerer.model
        self._answerer = answerer
        self._generations: dict[_Key, _Generation] = {}

    async def answer(
        self,
        question: str,
        sources: "Sequence[Source]",
        *,
        today: "date | None" = None,
        history: "Sequence[Turn]" = (),
        on_text: "OnText | None" = None,
    ) -> "Completion":
        """Answer from the sources, or share the answer of an equal call."""
        key = canonical_form(question), tuple(sources), today, tuple(history)
        generation = self._generations.get(key)
        is_leader = generation is None or generation.task.cancelling() > 0
        if generation is None or is_leader:
            generation = self._generations[key] = _Generation()
            write = generation.write if on_text else None
            generation.task = asyncio.ensure_future(
                self._answerer.answer(
                    question, sources, today=today, history=history, on_text=write
                )
            )
            generation.task.add_done_callback(partial(self._forget, key, generation))
        try:
            completion = await generation.join(on_text or _ignore)
        except TimeoutError:
            raise InferenceTimeoutError("the answer was not complete in time; retry") from None
        except UnusableCompletionError as error:
            raise error if is_leader else UnusableCompletionError(str(error)) from None
        return completion if is_leader else replace(completion, cost=0.0)

    def _forget(self, key: "_Key", generation: "_Generation", _: object) -> None:
        if self._generations.get(key) is generation:
            del self._generations[key]


class _Generation:
    """A generation in progress: its text so far, and the callers that wait for it."""

    task: "asyncio.Task[Completion]"

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._callers: list[OnText] = []

    def write(self, part: str) -> None:
        self._parts.append(part)
        for on_text in self._callers:
            on_text(part)

    async def join(self, on_text: "OnText") -> "Completion":
        """Wait for the result. When the last caller is cancelled, the generation is, too."""
        for part in self._parts:
            on_text(part)
        self._callers.append(on_text)
        try:
            async with timeout_at_deadline():
                return await asyncio.shield(self.task)
        finally:
            self._callers.remove(on_text)
            if not self._callers:
                self.task.cancel()


def _ignore(_: str) -> None:
    """Take a part of the text of a caller that waits for all of it."""
