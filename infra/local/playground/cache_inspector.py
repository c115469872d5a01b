"""The cached questions of a user, and their similarity to another question."""

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

from shared.cache import index_entries, keyspace
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command
from shared.matching.candidates import find_candidates
from shared.matching.decision import explain_decision
from shared.question import Question
from shared.semantic_match import pair_model_loader
from shared.text.canonical_form import canonical_form
from shared.vectors import cosines, from_bytes, stack

if TYPE_CHECKING:
    from shared.cache.index_entries import Entry
    from shared.cache.redis.client import RedisClient
    from shared.container import Container


async def read_cached_questions(redis_client: "RedisClient", user_id: str) -> "dict[str, Entry]":
    """Read the index entries of a user's cached answers and aliases, by field.

    Raises:
        CacheUnavailableError: Redis is unavailable.
    """
    keys = keyspace.UserKeys.of(user_id)
    (index,) = await redis_client.execute(Command.of("HGETALL", keys.questions))
    kinds = {index_entries.ANSWER, index_entries.ALIAS}
    now = time.time()
    entries = {
        field: entry
        for field, entry in index_entries.decode_index(hash_items(index)).items()
        if entry and entry.kind in kinds and entry.expires > now
    }
    return {
        field: entry
        for field, entry in entries.items()
        if not entry.target or entry.target in entries  # an alias ends with its target
    }


def to_json(entries: "dict[str, Entry]") -> list[dict[str, Any]]:
    """Convert entries to JSON, newest first; `alias_of` is the question whose answer is shared."""
    newest_first = sorted(entries.items(), key=lambda item: (-item[1].latest_expiry, item[0]))
    return [
        {
            "field": field,
            "answer_id": entry.answer_id,
            "question": entry.question,
            "alias_of": entries[entry.target].question if entry.target in entries else None,
        }
        for field, entry in newest_first
    ]


def field_of(entries: "dict[str, Entry]", identity: str) -> str | None:
    """Return the field of the entry of a question, by its identity; None if it is not cached."""
    fields = (f for f, entry in entries.items() if canonical_form(entry.question) == identity)
    return next(fields, None)


async def similar_questions(
    container: "Container", cached: "dict[str, Entry]", query: str
) -> list[dict[str, Any]]:
    """Return the most similar other cached questions with their match decision.

    Raises:
        InvalidRequestError: the query is not a valid question.
        InferenceError: the embedding model failed.
    """
    question = Question.parse(query, container.settings.question_max_tokens)
    entries = [
        entry
        for entry in cached.values()
        if entry.kind == index_entries.ANSWER
        and canonical_form(entry.question) != question.identity
    ]
    if not entries:
        return []
    (vector,) = await container.question_embedder.embed([question.embedded])
    rows = stack([from_bytes(entry.vector) for entry in entries])
    load_model = pair_model_loader(container.settings)
    model = await asyncio.to_thread(load_model) if load_model else None
    return [
        {"question": entries[row].question}
        | explain_decision(
            question.wording,
            entries[row].question,
            cosine,
            settings=container.settings,
            packs=container.vocabulary_packs,
            model=model,
        )
        for row, cosine in find_candidates(cosines(vector, rows), -math.inf)
    ]
