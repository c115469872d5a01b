"""Answers questions with a language model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.errors import UnusableCompletionError
from shared.inference.citations import CitationResolver, resolve_citations
from shared.inference.prompt import (
    DEFAULT_SYSTEM_PROMPT,
    build_answer_messages,
    first_number,
    fit_passages,
    own_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    from shared.conversation import Turn
    from shared.inference.ports import ChatModel, Completion, OnText
    from shared.notes.note import Source


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
        self,
        question: str,
        sources: Sequence["Source"],
        *,
        today: "date | None" = None,
        history: Sequence["Turn"] = (),
        on_text: "OnText | None" = None,
    ) -> "Completion":
        """Answer from the sources. Citations of passages that were not sent are removed."""
        passages = fit_passages(sources, self._context_tokens)
        own = own_numbers([question, *passages, *(turn.content for turn in history)])
        first = first_number(own, len(passages))
        resolver = CitationResolver(passages, first=first, own=own)
        completion = await self._chat.complete(
            build_answer_messages(question, passages, today, self._system_prompt, history),
            max_tokens=self._answer_tokens,
            on_text=_Writer(resolver, on_text).write if on_text else None,
        )
        text, cited = resolve_citations(completion.text, passages, first=first, own=own)
        text = text.strip()
        if not text:
            is_empty = not completion.text.strip()
            problem = (
                "sent an empty message" if is_empty else "answered with nothing but false citations"
            )
            raise UnusableCompletionError(f"{self.model} {problem}.", cost=completion.cost)
        return replace(completion, text=text, cited=cited)


class _Writer:
    """Passes text on as it will be in the answer: stripped, with correct citations."""

    def __init__(self, resolver: CitationResolver, on_text: "OnText") -> None:
        self._resolver = resolver
        self._on_text = on_text
        self._has_begun = False
        self._pending = ""

    def write(self, part: str) -> None:
        self._pending += self._resolver.feed(part)
        if not self._has_begun:
            self._pending = self._pending.lstrip()
        if ready := self._pending.rstrip():
            self._has_begun = True
            self._pending = self._pending[len(ready) :]
            self._on_text(ready)
