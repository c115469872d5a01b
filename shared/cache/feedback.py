"""An asker says that an answer is wrong: it, or its match with their question, is gone at once."""

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.cache import index_entries, keyspace
from shared.cache.parse_replies import pairs
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command, Script
from shared.errors import NotFoundError

if TYPE_CHECKING:
    from shared.cache.index_entries import Entry

_REFUSE = Script("store_refusal")


class Feedback:
    """Removes what its asker found wrong."""

    def __init__(self, redis_client: RedisClient) -> None:
        """Work on this cache."""
        self._redis_client = redis_client

    async def reject_answer(self, user_id: str, answer_id: str) -> None:
        """Remove an answer, by the id that its response told.

        Where the answer was written for another wording, only the match of the two is removed,
        and not made again.

        Raises:
            NotFoundError: this user has no such answer cached, or no longer.
            CacheUnavailableError: Redis did not hear of it.
        """
        keys = keyspace.UserKeys.of(user_id)
        written, _, alias = answer_id.partition(".")
        (raw,) = await self._redis_client.execute(Command.of("HGETALL", keys.questions))
        index = {
            field: entry
            for field, entry in index_entries.decode_all(pairs(raw)).items()
            if entry and entry.answer_id == written and (not alias or field == alias)
        }
        if not index:
            raise NotFoundError("there is no such answer; it may have been dropped already")
        await self._redis_client.execute(
            *(_refusal(keys, alias, index[alias]) if alias else _removal(keys, index))
        )


def _removal(keys: keyspace.UserKeys, index: "dict[str, Entry]") -> list[Command]:
    return [
        Command.of("HDEL", key, *index) for key in (keys.questions, keys.answers, keys.contexts)
    ]


def _refusal(keys: keyspace.UserKeys, field: str, entry: "Entry") -> list[Command]:
    refused = index_entries.encode(replace(entry, kind=index_entries.REFUSED))
    return [_REFUSE.call([keys.questions], field, refused)]
