"""Helpers for tests that run the whole pipeline over given parts."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from functions.ask.serializers import serialize_reply
from infra.local.minilm import MiniLMEmbedder
from shared.container import Container
from shared.inference.ports import Completion
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.notes.note import Source
from shared.question import Request
from shared.reply import Reply
from shared.vectors import Vector


class CachingEmbedder:
    """MiniLM with a cache in this process: a text's vector does not depend on its batch."""

    def __init__(self) -> None:
        self._minilm = MiniLMEmbedder()
        self.model = self._minilm.model
        self.dimensions = self._minilm.dimensions
        self._known: dict[str, Vector] = {}

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            vectors = await self._minilm.embed(new)
            self._known.update(zip(new, vectors, strict=True))
        return [self._known[text] for text in texts]


MINILM = CachingEmbedder()


class QuotingAnswerer:
    """Answers with the question and the start of every source, and counts its calls."""

    model = "quoting"

    def __init__(self) -> None:
        self.answered = 0

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        self.answered += 1
        quotes = (f"{source.content[:60]} [{n}]" for n, source in enumerate(sources, start=1))
        return Completion(f"{question}: {' '.join(quotes)}", self.model, cost=0.00026)


def updated(user_id: str, note_id: str, text: str, **given: Any) -> NoteChanged:
    """Return the message of a note that was written."""
    given.setdefault("operation", Operation.UPDATED)
    given.setdefault("occurred_at", datetime.now(UTC))
    return NoteChanged(user_id=user_id, note_id=note_id, title="", text=text, **given)


async def ask(container: Container, user_id: str, query: str, **given: Any) -> Reply:
    return await container.assistant.ask(Request(user_id, query, **given))


def body(user_id: str, query: str, reply: Reply) -> bytes:
    """Return the response body without its metadata."""
    whole = json.loads(serialize_reply(Request(user_id, query), reply))
    del whole["metadata"]
    return json.dumps(whole).encode()
