"""A user reports an answer as wrong: the answer, or its match with the question, is removed.

A refused match is stored apart from the index as a pair of questions: neither a note change, a new
answer nor another model restores the match. It expires a year after the user's last refusal.
"""

import time
from typing import TYPE_CHECKING

from shared.cache import index_entries, keyspace
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command, Script
from shared.errors import NotFoundError

if TYPE_CHECKING:
    from shared.cache.redis.client import RedisClient

_TTL = 365 * 86_400
_MAX_REFUSALS = 1_000
"""Of one user. The oldest is deleted first."""

_NOT_FOUND = "there is no such answer; it may have been dropped already"
_STORE_REFUSAL = Script("store_refusal")


class Feedback:
    """Removes answers that users reported as wrong."""

    def __init__(self, redis_client: "RedisClient", *, replicas: int = 0) -> None:
        """`replicas`: how many replicas must acknowledge each write."""
        self._redis_client = redis_client
        self._replicas = replicas

    async def reject_answer(self, user_id: str, answer_id: str) -> None:
        """Remove an answer by the id of its response (`Reply.answer_id`).

        If the answer was generated for another question, the answer stays. Its alias is deleted,
        and the two questions are not matched again.

        Raises:
            NotFoundError: this user has no such answer in the cache.
            CacheUnavailableError: Redis did not execute the commands, or not on every replica.
        """
        keys = keyspace.UserKeys.of(user_id)
        own_id, _, alias = answer_id.partition(".")
        (reply,) = await self._redis_client.execute(Command.of("HGETALL", keys.questions))
        index = index_entries.decode_index(hash_items(reply))
        found = {
            field: entry
            for field, entry in index.items()
            if entry and entry.answer_id == own_id and (not alias or field == alias)
        }
        if not found:
            raise NotFoundError(_NOT_FOUND)
        if alias:
            own = found[alias]
            target = index.get(own.target)
            if target is None:
                raise NotFoundError(_NOT_FOUND)
            commands = [
                _STORE_REFUSAL.call(
                    [*keys.hashes, keys.refusals],
                    alias,
                    keyspace.refused_pair(own.question, target.question),
                    int(time.time()),
                    _TTL,
                    _MAX_REFUSALS,
                )
            ]
        else:
            commands = [Command.of("HDEL", key, *found) for key in keys.hashes]
        replies = await self._redis_client.execute(*commands, replicas=self._replicas)
        if not replies[0]:  # deleted meanwhile
            raise NotFoundError(_NOT_FOUND)
