"""Answers questions with a language model."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.errors import UnusableCompletionError
from shared.inference.prompt import (
    DEFAULT_SYSTEM_PROMPT,
    MAX_OWN_NUMBER,
    build_answer_messages,
    first_number,
    fit_passages,
    own_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    from shared.inference.ports import ChatModel, Completion
    from shared.notes.note import Source

_NUMBERS = r"\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*"
_LIST = re.compile(rf"(?P<blank>[ \t]*)\[\s*(?P<numbers>{_NUMBERS})\s*\](?!\()")
_CITATION = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`"  # code
    r"|(?<=[\w)])(?P<index>(?:\[[^\[\]\n]{0,80}\])+)"  # arr[0][12]
    rf"|{_LIST.pattern}",
    re.DOTALL,
)
_RANGE = re.compile(r"(\d+)(?:\s*[\u2013-]\s*(\d+))?")
_NO_NAME = re.compile(r"\W")
_MAX_NAME = 40  # characters before an index


class PromptedAnswerer:
    """An `Answerer` that prompts a language model with the passages.

    Args:
        chat: the model.
        context_tokens: the token budget of the passages, by `estimate_tokens`; at least 100.
        answer_tokens: the maximum length of an answer, in the model's tokens.
        system_prompt: the beginning of the instructions; empty for the default.
    """

    def __init__(
        self, chat: "ChatModel", context_tokens: int, answer_tokens: int, system_prompt: str = ""
    ) -> None:
        self.model = chat.model
        self._chat = chat
        self._context_tokens = context_tokens
        self._answer_tokens = answer_tokens
        self._system_prompt = system_prompt or DEFAULT_SYSTEM_PROMPT

    async def answer(
        self, question: str, sources: Sequence["Source"], *, today: "date | None" = None
    ) -> "Completion":
        """Answer from the sources. Citations of passages that were not sent are removed."""
        passages = fit_passages(sources, self._context_tokens)
        completion = await self._chat.complete(
            build_answer_messages(question, passages, today, self._system_prompt),
            max_tokens=self._answer_tokens,
        )
        own = own_numbers([question, *passages])
        first = first_number(own, len(passages))
        text, cited = resolve_citations(completion.text, passages, first=first, own=own)
        text = text.strip()
        if not text:
            is_empty = not completion.text.strip()
            problem = (
                "sent an empty message" if is_empty else "answered with nothing but false citations"
            )
            raise UnusableCompletionError(f"{self.model} {problem}.", cost=completion.cost)
        return replace(completion, text=text, cited=cited)


def resolve_citations(
    text: str, passages: Sequence[str], *, first: int = 1, own: frozenset[int] = frozenset()
) -> tuple[str, tuple[int, ...]]:
    """Number the citations `[1]`, `[1, 3]`, `[1-3]` from 1, and remove those of no passage.

    Code, numbers above 99, and an index such as `arr[12]` that the passages contain are no
    citations.

    Args:
        text: the answer.
        passages: what the model got.
        first: the number of the first passage.
        own: numbers that the passages or the question contain in brackets.

    Returns:
        The corrected text, and the positions of the cited passages, from 1.
    """
    last = first + len(passages) - 1
    cited: set[int] = set()

    def cite(found: re.Match[str]) -> str:
        ranges = _parse_ranges(found["numbers"])
        valid = [(max(first, low), min(last, high)) for low, high in ranges]
        valid = [(low - first + 1, high - first + 1) for low, high in valid if low <= high]
        cited.update(number for low, high in valid for number in range(low, high + 1))
        if valid == ranges:
            return found[0]
        parts = (f"{low}-{high}" if high > low else str(low) for low, high in valid)
        return f"{found['blank']}[{', '.join(parts)}]" if valid else ""

    def correct_index(found: re.Match[str]) -> str:
        numbers = _bounds(found)
        return cite(found) if first <= min(numbers) and max(numbers) <= last else found[0]

    def correct(found: re.Match[str]) -> str:
        if found["index"]:
            before = text[max(0, found.start() - _MAX_NAME) : found.start()]
            quoted = _NO_NAME.split(before)[-1] + found[0]
            is_quoted = any(quoted in passage for passage in passages)
            return found[0] if is_quoted else _LIST.sub(correct_index, found[0])
        if not found["numbers"]:
            return found[0]
        numbers = _bounds(found)
        is_own = numbers <= own or max(numbers) > max(MAX_OWN_NUMBER, last)
        return found[0] if is_own else cite(found)

    return _CITATION.sub(correct, text), tuple(sorted(cited))


def _bounds(found: re.Match[str]) -> set[int]:
    """Return the first and last numbers of all parts of a list."""
    return {number for each in _parse_ranges(found["numbers"]) for number in each}


def _parse_ranges(numbers: str) -> list[tuple[int, int]]:
    """Return the first and last number of each part of a list such as `1, 3-5`."""
    return [(int(low), int(high or low)) for low, high in _RANGE.findall(numbers)]
