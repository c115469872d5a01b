"""A user reports an answer as wrong: the answer, or its match with the question, is removed."""

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.cache import index_entries, keyspace
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command, Script
from shared.errors import NotFoundError

if TYPE_CHECKING:
    from shared.cache.redis.client import RedisClient

_STORE_REFUSAL = Script("store_refusal")


class Feedback:
    """Removes answers that users reported as wrong."""

    def __init__(self, redis_client: "RedisClient") -> None:
        self._redis_client = redis_client

    async def reject_answer(self, user_id: str, answer_id: str) -> None:
        """Remove an answer by the id of its response (`Reply.answer_id`).

        If the answer was generated for another question, the answer stays. Its alias is replaced
        with a refusal, so that the two questions are not matched again.

        Raises:
            NotFoundError: this user has no such answer in the cache.
            CacheUnavailableError: Redis did not execute the commands.
        """
        keys = keyspace.UserKeys.of(user_id)
        own_id, _, alias = answer_id.partition(".")
        (reply,) = await self._redis_client.execute(Command.of("HGETALL", keys.questions))
        found = {
            field: entry
            for field, entry in index_entries.decode_index(hash_items(reply)).items()
            if entry and entry.answer_id == own_id and (not alias or field == alias)
        }
        if not found:
            raise NotFoundError("there is no such answer; it may have been dropped already")
        if alias:
            refusal = replace(found[alias], kind=index_entries.REFUSAL)
            commands = [_STORE_REFUSAL.call([keys.questions], alias, index_entries.encode(refusal))]
        else:
            commands = [Command.of("HDEL", key, *found) for key in keys.hashes]
        await self._redis_client.execute(*commands)
