"""Chat completions from Hugging Face, or from any host with an OpenAI-compatible API."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from shared.errors import InferenceError
from shared.inference.endpoint import Endpoint
from shared.inference.ports import Completion
from shared.text import estimate_tokens

if TYPE_CHECKING:
    from shared.inference.circuit_breaker import CircuitBreaker
    from shared.inference.http_client import InferenceClient
    from shared.inference.ports import ChatMessage
    from shared.settings import Settings

_SEED = 0
_TOKENS_PER_MESSAGE = 8  # that chat templates add, rounded up
_TOKENS_PER_PRICE = 1_000_000


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
        self._endpoint = Endpoint("chat", "HF_CHAT", settings.chat_url, self.model)
        self._prompt_price = settings.prompt_price / _TOKENS_PER_PRICE
        self._completion_price = settings.completion_price / _TOKENS_PER_PRICE

    async def complete(self, messages: Sequence["ChatMessage"], *, max_tokens: int) -> Completion:
        """Continue at temperature 0 with at most `max_tokens` tokens.

        The cost is computed with `estimate_tokens` if the reply has no token counts.
        """
        body = {
            "model": self.model,
            "messages": [{"role": each.role, "content": each.content} for each in messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "seed": _SEED,
            "stream": False,
        }
        private = [each.content for each in messages if each.role != "system"]
        async with self._breaker.call() if self._breaker else nullcontext():
            reply = await self._client.post(self._endpoint, body, private=private)
            text = self._read_text(reply)
        usage = reply.get("usage")
        prompt_tokens, completion_tokens = (
            _read_count(usage, name) for name in ("prompt_tokens", "completion_tokens")
        )
        paid_prompt = prompt_tokens or sum(
            estimate_tokens(each.content) + _TOKENS_PER_MESSAGE for each in messages
        )
        paid_completion = completion_tokens or min(estimate_tokens(text), max_tokens)
        return Completion(
            text=text,
            model=self.model,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=paid_prompt * self._prompt_price + paid_completion * self._completion_price,
        )

    def _read_text(self, reply: Any) -> str:
        match reply:
            case {"choices": [{"message": dict(message)}, *_]}:
                text = message.get("content")
            case _:
                raise InferenceError(f"{self._endpoint} sent JSON without choices[0].message.")
        if not isinstance(text, str):
            raise InferenceError(
                f"{self._endpoint} sent a message whose content is {type(text).__name__},"
                " not a string."
            )
        # A lone surrogate is valid in JSON, but it cannot be encoded or stored.
        return text.encode("utf-8", "replace").decode("utf-8")


def _read_count(usage: Any, name: str) -> int | None:
    """Return a token count; None if it is missing or 0."""
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if type(count) is int and count > 0 else None
