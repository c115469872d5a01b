"""An answerer that asks a language model."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.errors import InferenceError
from shared.inference.prompt import converse, fit

if TYPE_CHECKING:
    from shared.inference.ports import ChatModel, Completion
    from shared.notes.note import Source

_CITATION = re.compile(r"([ \t]*)\[(\s*\d{1,4}(?:\s*[,;\u2013-]\s*\d{1,4})*\s*)\]")
_NUMBER = re.compile(r"\d+")


class PromptedAnswerer:
    """Writes answers by prompting a chat model with the passages: an `Answerer`.

    Args:
        chat: the model.
        context_tokens: what the passages may take together, by `estimate_tokens`; at least 100.
        answer_tokens: how long an answer may be, in the model's tokens.
    """

    def __init__(self, chat: "ChatModel", context_tokens: int, answer_tokens: int) -> None:
        self.model = chat.model
        self._chat = chat
        self._context_tokens = context_tokens
        self._answer_tokens = answer_tokens

    async def answer(self, question: str, sources: Sequence["Source"]) -> "Completion":
        """Answer from the sources, citing by number only passages that the model was shown.

        Raises:
            InferenceError: the model gave no usable answer.
        """
        passages = fit(sources, self._context_tokens)
        completion = await self._chat.complete(
            converse(question, passages), max_tokens=self._answer_tokens
        )
        if not completion.text.strip():
            raise InferenceError(f"{self.model} sent an empty message.")
        text = without_false_citations(completion.text, len(passages)).strip()
        if not text:
            raise InferenceError(f"{self.model} answered with nothing but false citations.")
        return replace(completion, text=text)


def without_false_citations(text: str, passages: int) -> str:
    """Drop from `[1]`, `[1, 3]` and the like each number that is none of the passages'."""

    def keep(citation: re.Match[str]) -> str:
        numbers = [int(number) for number in _NUMBER.findall(citation[2])]
        true = [number for number in numbers if 1 <= number <= passages]
        if true == numbers:
            return citation[0]
        return f"{citation[1]}[{', '.join(map(str, true))}]" if true else ""

    return _CITATION.sub(keep, text)
