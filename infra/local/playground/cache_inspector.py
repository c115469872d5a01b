"""What the page shows of the cache: a user's cached questions, and how near another is to them."""

import time
from typing import TYPE_CHECKING, Any

from shared.cache import index_entries, keyspace
from shared.cache.redis.commands import Command
from shared.errors import CacheUnavailableError
from shared.matching.decision import explain_decision
from shared.question import Question
from shared.vectors import cosines, from_bytes, stack

if TYPE_CHECKING:
    from shared.cache.index_entries import Entry
    from shared.container import Container

_NEAREST = 3


async def cached(container: "Container", user_id: str) -> "dict[str, Entry]":
    """Read the questions that have an answer now, by their field."""
    if container.redis_client is None:
        return {}
    keys = keyspace.UserKeys.of(user_id)
    try:
        (index,) = await container.redis_client.execute(Command.of("HGETALL", keys.questions))
    except CacheUnavailableError:
        return {}
    entries = index_entries.decode_all(index.items())
    kinds = {index_entries.ANSWER, index_entries.ALIAS}
    now = time.time()
    return {
        field: entry
        for field, entry in entries.items()
        if entry and entry.kind in kinds and entry.expires > now
    }


def listed(entries: "dict[str, Entry]") -> list[dict[str, Any]]:
    """Tell them as JSON, the newest first; `of` is the question whose answer another shares."""
    newest_first = sorted(entries.items(), key=lambda item: (-item[1].expires, item[0]))
    return [
        {
            "field": field,
            "question": entry.question,
            "of": entries[entry.target].question if entry.target in entries else None,
        }
        for field, entry in newest_first
    ]


async def near(container: "Container", user_id: str, asked: str) -> list[dict[str, Any]]:
    """Say of the nearest other questions whether their answer would serve, and why (not).

    Raises:
        InvalidRequestError: it is no question.
    """
    question = Question.parse(asked).normal
    entries = [
        entry
        for entry in (await cached(container, user_id)).values()
        if entry.kind == index_entries.ANSWER and entry.question != question
    ]
    if not entries:
        return []
    (vector,) = await container.embedder.embed([question])
    rows = cosines(vector, stack([from_bytes(entry.vector) for entry in entries]))
    nearest = sorted(zip(rows, entries, strict=True), key=lambda pair: -pair[0])[:_NEAREST]
    threshold = container.settings.similarity_threshold
    return [
        {"question": entry.question}
        | explain_decision(
            question,
            entry.question,
            float(cosine),
            threshold=threshold,
            packs=container.vocabulary_packs,
        )
        for cosine, entry in nearest
    ]
