"""Answers questions with a language model."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.errors import UnusableCompletionError
from shared.inference.prompt import (
    MAX_OWN_NUMBER,
    build_answer_messages,
    first_number,
    fit_passages,
    own_numbers,
)

if TYPE_CHECKING:
    from shared.inference.ports import ChatModel, Completion
    from shared.notes.note import Source

_LIST = r"\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*"
_CITATION = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`"  # code
    r"|(?<=[\w)])(?P<index>(?:\[[^\[\]\n]{0,80}\])+)"  # arr[0][12]
    rf"|(?P<blank>[ \t]*)\[\s*(?P<numbers>{_LIST})\s*\](?!\()",
    re.DOTALL,
)
_NUMBER = re.compile(r"\d+")
_RANGE = re.compile(r"(\d+)(?:\s*[\u2013-]\s*(\d+))?")


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
        own = own_numbers([question, *passages])
        first = first_number(own, len(passages))
        text = remove_false_citations(completion.text, len(passages), first=first, own=own).strip()
        if not text:
            is_empty = not completion.text.strip()
            problem = (
                "sent an empty message" if is_empty else "answered with nothing but false citations"
            )
            raise UnusableCompletionError(f"{self.model} {problem}.", cost=completion.cost)
        return replace(completion, text=text)


def remove_false_citations(
    text: str, passages: int, *, first: int = 1, own: frozenset[int] = frozenset()
) -> str:
    """Number the citations `[1]`, `[1, 3]`, `[1-3]` from 1, and remove those of no passage.

    Code, an index such as `arr[12]`, and numbers above 99 are no citations.

    Args:
        text: the answer.
        passages: how many passages the model got.
        first: the number of the first one.
        own: numbers that the notes contain in brackets.
    """

    def renumber(number: int) -> int:
        return number - first + 1 if first <= number < first + passages else number

    def correct(found: re.Match[str]) -> str:
        if found["index"]:
            return _NUMBER.sub(lambda number: str(renumber(int(number[0]))), found[0])
        if not found["numbers"]:
            return found[0]
        ranges = [(int(low), int(high or low)) for low, high in _RANGE.findall(found["numbers"])]
        numbers = {number for each in ranges for number in each}
        if numbers & own or max(numbers) > max(MAX_OWN_NUMBER, first + passages - 1):
            return found[0]
        valid = [(max(1, renumber(low)), min(passages, renumber(high))) for low, high in ranges]
        valid = [(low, high) for low, high in valid if low <= high]
        if valid == ranges:
            return found[0]
        parts = (f"{low}-{high}" if high > low else str(low) for low, high in valid)
        return f"{found['blank']}[{', '.join(parts)}]" if valid else ""

    return _CITATION.sub(correct, text)
