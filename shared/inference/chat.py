"""Chat completions from Hugging Face, or from any host that speaks OpenAI's form."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.errors import InferenceError
from shared.inference.endpoint import Endpoint
from shared.inference.ports import Completion
from shared.inference.tokens import estimate_tokens

if TYPE_CHECKING:
    from shared.inference.http_client import InferenceClient
    from shared.inference.ports import Message
    from shared.settings import Settings

_SEED = 0
_MESSAGE_TOKENS = 8  # what chat templates put around a message, rounded up
_PER_PRICE = 1_000_000


class HuggingFaceChat:
    """Continues conversations over HTTP: a `ChatModel`.

    Raises:
        ConfigurationError: the URL is unusable.
    """

    def __init__(self, client: "InferenceClient", settings: "Settings") -> None:
        self.model = settings.chat_model
        self._client = client
        self._endpoint = Endpoint.of_chat(settings)
        self._prompt_price = settings.prompt_price / _PER_PRICE
        self._completion_price = settings.completion_price / _PER_PRICE

    async def complete(self, messages: Sequence["Message"], *, max_tokens: int) -> Completion:
        """Continue at temperature 0, writing at most `max_tokens` tokens.

        The cost is computed with `estimate_tokens` where the reply has no token counts.

        Raises:
            InferenceError: the model gave no usable answer.
        """
        body = {
            "model": self.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "seed": _SEED,
            "stream": False,
        }
        # What Tercet itself says as `system` is no secret.
        private = [turn.content for turn in messages if turn.role != "system"]
        reply = await self._client.post(self._endpoint, body, private=private)
        text = self._text(reply)
        told_prompt, told_completion = _usage(reply)
        prompt = told_prompt or sum(
            estimate_tokens(turn.content) + _MESSAGE_TOKENS for turn in messages
        )
        completion = told_completion or min(estimate_tokens(text), max_tokens)
        return Completion(
            text=text,
            model=self.model,
            prompt_tokens=told_prompt,
            completion_tokens=told_completion,
            cost=prompt * self._prompt_price + completion * self._completion_price,
        )

    def _text(self, reply: Any) -> str:
        choices = reply.get("choices") if isinstance(reply, dict) else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(message, dict):
            raise InferenceError(f"{self._endpoint} sent JSON without choices[0].message.")
        text = message.get("content")
        if not isinstance(text, str):
            raise InferenceError(
                f"{self._endpoint} sent a message whose content is {type(text).__name__},"
                " not a string."
            )
        # Half of a surrogate pair is valid JSON, but no text that could be sent on or kept.
        return text.encode("utf-8", "replace").decode("utf-8")


def _usage(reply: dict[str, Any]) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of the completion; None where they are not told, or told as 0."""
    usage = reply.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    prompt, completion = (counts.get(key) for key in ("prompt_tokens", "completion_tokens"))
    return _positive(prompt), _positive(completion)


def _positive(count: Any) -> int | None:
    return count if type(count) is int and count > 0 else None
