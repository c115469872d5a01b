"""Questions whose answers a note change dropped, and which are to be asked again.

They stay in their user's index, as entries without an answer, and are deleted with the user. A
message that requests warming holds only the fence, so no text outlives its user in a queue. A
question is pending until it is answered, so the message of a later change also covers it.
"""

import time
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from shared.cache import codec, index_entries, keyspace
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command, Script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from shared.cache.index_entries import Entry
    from shared.cache.redis.client import RedisClient

_REMOVE = Script("remove_pending")
_START = f"{codec.VERSION}{index_entries.PENDING}".encode("ascii")


@dataclass(frozen=True, slots=True)
class WarmingPolicy:
    """Selects the dropped answers to generate again: the most popular ones.

    Args:
        min_hits: the least `Entry.popularity`; None for any.
        maximum: the number of questions for each note change.
    """

    min_hits: int | None
    maximum: int

    def select(
        self, index: "Mapping[str, Entry | None]", fields: "Collection[str]"
    ) -> "dict[str, Entry]":
        """Return the pending entries of those of the dropped fields that are asked again."""
        now = time.time()
        asked = [
            (entry.popularity, field, entry)
            for field in fields
            if (entry := index[field]) and entry.is_answer and entry.expires > now
            if self.min_hits is None or entry.popularity >= self.min_hits
        ]
        most_asked = sorted(asked, key=itemgetter(0, 1), reverse=True)[: self.maximum]
        return {field: index_entries.new_pending(entry) for _, field, entry in most_asked}


class WarmingRequests(NamedTuple):
    """How a note change requests warming: which questions, and by which message.

    `send` takes the user id and the fence. It never raises an exception.
    """

    policy: WarmingPolicy
    send: "Callable[[str, str], Awaitable[None]]"


class PendingQuestions:
    """Reads and removes a user's pending questions."""

    def __init__(self, redis_client: "RedisClient") -> None:
        self._redis_client = redis_client

    async def read(self, user_id: str, fence: str) -> "list[tuple[str, Entry]]":
        """Return the fields and entries of pending questions, most asked first.

        There are none if `fence` is not the user's: a later change has a message of its own.

        Raises:
            CacheUnavailableError: Redis failed.
        """
        questions = keyspace.UserKeys.of(user_id).questions
        (reply,) = await self._redis_client.execute(Command.of("HGETALL", questions))
        index = dict(hash_items(reply))
        if index.get(keyspace.FENCE.encode()) != fence.encode():
            return []
        entries = index_entries.decode_index(
            item for item in index.items() if item[1].startswith(_START)
        )
        now = time.time()
        found = [(field, entry) for field, entry in entries.items() if entry]
        pending = [(field, entry) for field, entry in found if entry.expires > now]
        return sorted(pending, key=lambda item: item[1].hits, reverse=True)

    async def remove(self, user_id: str, field: str) -> None:
        """Remove a question, if it is still pending: it is not to be asked again.

        Raises:
            CacheUnavailableError: Redis failed.
        """
        questions = keyspace.UserKeys.of(user_id).questions
        await self._redis_client.execute(_REMOVE.call([questions], field))


def has_pending(index: "Mapping[str, Entry | None]") -> bool:
    """Return whether any question of an index is pending, and not expired."""
    now = time.time()
    return any(
        entry is not None and entry.kind == index_entries.PENDING and entry.expires > now
        for entry in index.values()
    )
