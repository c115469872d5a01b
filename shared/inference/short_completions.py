"""Completions of a few tokens, such as a verdict or a rewritten question."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.deadline import deadline_scope, timeout_at_deadline
from shared.errors import InferenceError, InferenceTimeoutError, TokenLimitError

if TYPE_CHECKING:
    from shared.inference.ports import ChatMessage, ChatModel, Completion

_REASONING_MAX_TOKENS = 1_024
_REASONING_TIME_FACTOR = 3


class ShortCompletions:
    """Asks a language model for a few tokens, within a time limit and the deadline.

    A model that reasons first reaches the limit of tokens. Then it gets 1,024 tokens and three
    times the time, from now on.
    """

    def __init__(self, chat: "ChatModel", *, time_limit_seconds: float) -> None:
        self._chat = chat
        self._time_limit_seconds = time_limit_seconds
        self._reasons = False

    async def complete(self, messages: Sequence["ChatMessage"], *, max_tokens: int) -> "Completion":
        """Complete with at most `max_tokens` tokens.

        Raises:
            InferenceError: the model gave no usable reply in time. Its cost, and that of a
                completion, includes a first attempt that reached the limit.
        """
        spent = 0.0
        while True:
            reasons = self._reasons
            try:
                completion = await self._complete(messages, max_tokens, reasons=reasons)
            except TimeoutError as error:
                raise InferenceTimeoutError(
                    "the model did not respond in time", cost=spent
                ) from error
            except InferenceError as error:
                error.cost += spent
                if isinstance(error, TokenLimitError) and not reasons:
                    spent = error.cost
                    self._reasons = True
                    continue
                raise
            return replace(completion, cost=completion.cost + spent)

    async def _complete(
        self, messages: Sequence["ChatMessage"], max_tokens: int, *, reasons: bool
    ) -> "Completion":
        if reasons:
            max_tokens = max(max_tokens, _REASONING_MAX_TOKENS)
        with deadline_scope(self._time_limit_seconds * (_REASONING_TIME_FACTOR if reasons else 1)):
            async with timeout_at_deadline():
                return await self._chat.complete(messages, max_tokens=max_tokens)
