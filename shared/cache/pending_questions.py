"""Questions whose answers a note change dropped, and which are to be asked again.

Their entries lie in a hash of their user, and are deleted with the user. A message that requests
warming holds only the fence, so no text outlives its user in a queue. A question stays pending
until it is answered, so the message of a later change also covers it.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from shared.cache import index_entries, keyspace
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from shared.cache.index_entries import Entry
    from shared.cache.redis.client import RedisClient


@dataclass(frozen=True, slots=True)
class WarmingPolicy:
    """Selects the dropped answers to generate again: those asked most often.

    Args:
        min_hits: how often an answer must have been asked for.
        maximum: the number of questions for each note change.
    """

    min_hits: int
    maximum: int

    def select(
        self, index: "Mapping[str, Entry | None]", fields: "Collection[str]"
    ) -> tuple[str, ...]:
        """Return those of the dropped fields whose questions become pending."""
        now = time.time()
        asked = [
            (entry.hits, field)
            for field in fields
            if (entry := index[field]) and entry.is_answer and entry.expires > now
            if entry.hits >= self.min_hits
        ]
        return tuple(field for _, field in sorted(asked, reverse=True)[: self.maximum])


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
        """Return the fields and former entries of pending questions, most asked first.

        There are none if `fence` is not the user's: a later change has a message of its own.

        Raises:
            CacheUnavailableError: Redis failed.
        """
        keys = keyspace.UserKeys.of(user_id)
        current, reply = await self._redis_client.execute(
            Command.of("HGET", keys.questions, keyspace.FENCE),
            Command.of("HGETALL", keys.pending),
        )
        if current != fence.encode():
            return []
        entries = index_entries.decode_index(hash_items(reply))
        found = [(field, entry) for field, entry in entries.items() if entry]
        return sorted(found, key=lambda item: item[1].hits, reverse=True)

    async def remove(self, user_id: str, field: str) -> None:
        """Remove a question that is not to be asked again any more.

        Raises:
            CacheUnavailableError: Redis failed.
        """
        pending = keyspace.UserKeys.of(user_id).pending
        await self._redis_client.execute(Command.of("HDEL", pending, field))
