"""A scripted rewriter and helpers for questions with a history."""

import asyncio
from collections.abc import Mapping, Sequence

from shared.conversation import Turn
from shared.errors import InferenceUnavailableError
from shared.inference.ports import Completion


def user(*texts: str) -> tuple[Turn, ...]:
    """Return turns of the user alone."""
    return tuple(Turn("user", text) for text in texts)


class ScriptedRewriter:
    """A `QuestionRewriter` that knows the stand-alone question by the first turn of a history.

    It counts its calls. It raises `error` if it is set, and fails for a history that it does not
    know. It waits while `released` is clear. `version` is as the model's name.
    """

    def __init__(self, rewrites: Mapping[str, str]) -> None:
        self.version = "scripted"
        self.rewrites = dict(rewrites)
        self.seconds = 0.0
        self.error: Exception | None = None
        self.released = asyncio.Event()
        self.released.set()
        self.calls = 0

    async def rewrite(self, question: str, history: Sequence[Turn]) -> Completion:
        del question
        self.calls += 1
        await asyncio.sleep(self.seconds)
        await self.released.wait()
        if self.error:
            raise self.error
        if (text := self.rewrites.get(history[0].content)) is None:
            raise InferenceUnavailableError("this history has no rewrite")
        return Completion(text, self.version, cost=0.001)
