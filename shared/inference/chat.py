"""Chat completions from Hugging Face, or from any host with an OpenAI-compatible API."""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from shared.errors import (
    InferenceError,
    TokenLimitError,
    UnusableCompletionError,
)
from shared.inference.endpoint import Endpoint
from shared.inference.ports import Completion
from shared.inference.replies.chat_reply import read_chat_reply
from shared.inference.replies.event_stream import EventStreamReader
from shared.inference.replies.remedies import RAISE_LIMIT
from shared.inference.replies.visible_text import VisibleText
from shared.text import estimate_tokens

if TYPE_CHECKING:
    from shared.inference.circuit_breaker import CircuitBreaker
    from shared.inference.http_client import InferenceClient
    from shared.inference.ports import ChatMessage, OnText
    from shared.inference.replies.chat_reply import ChatReply
    from shared.settings import Settings

_SEED = 0
_TOKENS_PER_MESSAGE = 8  # that chat templates add, rounded up
_TOKENS_PER_PRICE = 1_000_000
_MAX_TOKENS = 1_000_000_000  # of one completion; a number of 400 digits is no float
_log = logging.getLogger(__name__)


class HuggingFaceChat:
    """A `ChatModel` over HTTP, behind a circuit breaker.

    Raises:
        ConfigurationError: the URL is invalid.
    """

    def __init__(
        self,
        client: "InferenceClient",
        settings: "Settings",
        breaker: "CircuitBreaker | None" = None,
    ) -> None:
        self.model = settings.chat_model
        self._breaker = breaker
        self._client = client
        self._endpoint = Endpoint("chat", f"{settings.vendor}_CHAT", settings.chat_url, self.model)
        self._prompt_price = settings.prompt_price / _TOKENS_PER_PRICE
        self._completion_price = settings.completion_price / _TOKENS_PER_PRICE
        self._reasoning_effort = settings.reasoning_effort
        self._holds_reasoning = settings.reasoning_without_opening_tag
        self.is_counted = True  # in the circuit breaker

    def uncounted(self) -> Self:
        """Return this model; its calls count neither for nor against the circuit breaker."""
        chat = copy(self)
        chat.is_counted = False
        return chat

    async def complete(
        self,
        messages: Sequence["ChatMessage"],
        *,
        max_tokens: int,
        on_text: "OnText | None" = None,
    ) -> Completion:
        """Continue at temperature 0 with at most `max_tokens` tokens.

        With `on_text` the host is asked for an event stream. If it sends something else, `on_text`
        is not called.

        The cost is computed with `estimate_tokens` if the reply has no token counts.
        """
        body = {
            "model": self.model,
            "messages": [{"role": each.role, "content": each.content} for each in messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "seed": _SEED,
            "stream": on_text is not None,
        }
        if on_text:
            body["stream_options"] = {"include_usage": True}
        if self._reasoning_effort:
            body["reasoning_effort"] = self._reasoning_effort
        reader = on_text and _TextReader(on_text, holds=self._holds_reasoning)
        breaker, counted = self._breaker, self.is_counted
        async with breaker.call(counted=counted) if breaker else nullcontext():
            decoded = await self._client.post(self._endpoint, body, reader=reader)
            reply = read_chat_reply(decoded, str(self._endpoint))
            completion = self._completion(messages, max_tokens, reply, decoded.get("usage"))
            holds, sender = self._holds_reasoning, str(self._endpoint)
            if error := _error(reply, sender, max_tokens, completion.cost, holds=holds):
                raise error
        if reader and not completion.text.startswith(reader.visible.returned):
            # The next answers of this process are held back until their reasoning ends.
            self._holds_reasoning = True
            _log.warning(
                "the model omits the opening tag of its reasoning: set"
                " REASONING_WITHOUT_OPENING_TAG=true",
                extra={"log_fields": {"model": self.model}},
            )
        return completion

    def _completion(
        self, messages: Sequence["ChatMessage"], max_tokens: int, reply: "ChatReply", usage: Any
    ) -> Completion:
        prompt_tokens, completion_tokens = (
            _read_count(usage, name) for name in ("prompt_tokens", "completion_tokens")
        )
        paid_prompt = prompt_tokens or sum(
            estimate_tokens(each.content) + _TOKENS_PER_MESSAGE for each in messages
        )
        generated = max_tokens if reply.is_hidden else estimate_tokens(reply.generated)
        paid_completion = completion_tokens or min(generated, max_tokens)
        return Completion(
            text=reply.text,
            model=self.model,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=paid_prompt * self._prompt_price + paid_completion * self._completion_price,
            incomplete=reply.finish == "incomplete",
        )


class _TextReader:
    """The `ReplyReader` of a chat completion: passes on what is certainly in the answer."""

    def __init__(self, on_text: "OnText", *, holds: bool) -> None:
        self._holds = holds
        self._on_text = on_text
        self.begin()

    def begin(self) -> None:
        self.visible = VisibleText(hold_until_closing_tag=self._holds)
        self._events = EventStreamReader()

    @property
    def has_passed_on(self) -> bool:
        return bool(self.visible.returned)

    def feed(self, content: bytes) -> None:
        if ready := self.visible.feed(self._events.feed(content)):
            self._on_text(ready)


def _error(
    reply: "ChatReply", sender: str, max_tokens: int, cost: float, *, holds: bool
) -> InferenceError | None:
    """Return the error of a reply that is no answer; None if it is one.

    `holds`: a text may begin with reasoning that has no opening tag. Only a failure counts in the
    circuit breaker. Otherwise the model works.
    """
    reason = f"(finish_reason {reply.reason})"
    if reply.finish == "failed":
        return InferenceError(f"{sender} failed while it generated {reason}.", cost=cost)
    if reply.finish == "filtered":
        problem = f"withheld the answer: its content filter applied {reason}."
    elif reply.is_refusal:
        problem = "declined to answer this question (refusal)."
    elif reply.finish == "tool":
        problem = f"called a tool instead of answering {reason}."
    elif reply.text and not (holds and reply.may_be_cut_reasoning):
        return None
    elif reply.has_reasoning or reply.finish == "incomplete":
        problem = f"used its limit of {max_tokens} tokens for reasoning and gave no answer."
        return TokenLimitError(f"{sender} {problem} {RAISE_LIMIT}", cost=cost)
    else:
        problem = "sent an empty message."
    return UnusableCompletionError(f"{sender} {problem}", cost=cost)


def _read_count(usage: Any, name: str) -> int | None:
    """Return a token count; None if it is missing or no plausible one."""
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if type(count) is int and 0 < count < _MAX_TOKENS else None
