"""`python -m infra.export USER_ID`: print all stored data of a user as one JSON document.

Run it with the settings of the functions. The document contains the notes, and the cached questions
with their answers. Shared question embeddings and the statistics belong to no user.
"""

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from functions.notes.serializers import note_to_json
from infra.exit_codes import exit_on_error
from shared.cache import index_entries, keyspace, l1_answers, l3_contexts
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command
from shared.container import Container
from shared.notes.sanitize import require_id

if TYPE_CHECKING:
    from collections.abc import Mapping


async def export_user(container: Container, user_id: str) -> dict[str, Any]:
    """Return a user's notes and cached questions, as JSON values.

    Raises:
        InvalidRequestError: the id of the user is invalid.
        StoreUnavailableError, CacheUnavailableError: the data cannot be read.
    """
    require_id("the user id", user_id)
    notes = await container.store.list_notes(user_id)
    return {
        "user_id": user_id,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "notes": [note_to_json(note) for note in notes],
        **await _read_cache(container, user_id),
    }


async def _read_cache(container: Container, user_id: str) -> dict[str, Any]:
    keys = keyspace.UserKeys.of(user_id)
    replies = await container.background_redis_client.execute(
        *(Command.of("HGETALL", key) for key in keys.hashes), Command.of("HLEN", keys.refusals)
    )
    index, answers, contexts = (dict(hash_items(reply)) for reply in replies[:3])
    entries = index_entries.decode_index(index.items())
    return {
        "cached_questions": [
            _describe(
                entry,
                (entry.target or field).encode(),
                (entries.get(entry.target) or entry).expires,
                contexts if entry.kind == index_entries.CONTEXT else answers,
            )
            for field, entry in entries.items()
            if entry
        ],
        "reports_of_wrong_matches": replies[3],
    }


def _describe(
    entry: index_entries.Entry,
    field: bytes,
    expires: int,
    values: "Mapping[bytes, bytes]",
) -> dict[str, Any]:
    """Describe a cached question; `field` and `expires` are its answer's, which an alias shares."""
    value, answer = values.get(field, b""), None
    if entry.kind == index_entries.CONTEXT:
        sources = l3_contexts.decode(entry.answer_id, value)
    else:
        answer, sources = l1_answers.decode(entry.answer_id, value) or (None, None)
    return {
        "question": entry.question,
        "tags": list(entry.tags),
        "answer": answer.text if answer else None,
        "generated_at": _time(answer.created / 1e3) if answer else None,
        "expires_at": _time(expires),
        "sources": [
            {"note_id": source.note_id, "content": source.content} for source in sources or ()
        ],
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


async def _run(user_id: str) -> dict[str, Any]:
    container = Container.from_env()
    try:
        return await export_user(container, user_id)
    finally:
        await container.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m infra.export", description=__doc__)
    parser.add_argument("user_id", metavar="USER_ID")
    arguments = parser.parse_args()
    with exit_on_error("cannot export"):
        document = asyncio.run(_run(arguments.user_id))
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
