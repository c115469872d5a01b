"""Answers questions with a language model."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.errors import UnusableCompletionError
from shared.inference.prompt import build_answer_messages, fit_passages

if TYPE_CHECKING:
    from shared.inference.ports import ChatModel, Completion
    from shared.notes.note import Source

_CITATION = re.compile(r"([ \t]*)\[(\s*\d{1,4}(?:\s*[,;\u2013-]\s*\d{1,4})*\s*)\]")
_NUMBER = re.compile(r"\d+")


class PromptedAnswerer:
    """An `Answerer` that prompts a language model with the passages.

    Args:
        chat: the model.
        context_tokens: the token budget of the passages, by `estimate_tokens`; at least 100.
        answer_tokens: the maximum length of an answer, in the model's tokens.
    """

    def __init__(self, chat: "ChatModel", context_tokens: int, answer_tokens: int) -> None:
        self.model = chat.model
        self._chat = chat
        self._context_tokens = context_tokens
        self._answer_tokens = answer_tokens

    async def answer(self, question: str, sources: Sequence["Source"]) -> "Completion":
        """Answer from the sources. Citations of passages that were not sent are removed."""
        passages = fit_passages(sources, self._context_tokens)
        completion = await self._chat.complete(
            build_answer_messages(question, passages), max_tokens=self._answer_tokens
        )
        text = remove_false_citations(completion.text, len(passages)).strip()
        if not text:
            is_empty = not completion.text.strip()
            problem = (
                "sent an empty message" if is_empty else "answered with nothing but false citations"
            )
            raise UnusableCompletionError(f"{self.model} {problem}.", cost=completion.cost)
        return replace(completion, text=text)


def remove_false_citations(text: str, passages: int) -> str:
    """Remove from `[1]`, `[1, 3]` and the like each number that is not 1 to `passages`."""

    def correct(citation: re.Match[str]) -> str:
        numbers = [int(number) for number in _NUMBER.findall(citation[2])]
        valid = [number for number in numbers if 1 <= number <= passages]
        if valid == numbers:
            return citation[0]
        return f"{citation[1]}[{', '.join(map(str, valid))}]" if valid else ""

    return _CITATION.sub(correct, text)
