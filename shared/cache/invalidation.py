"""Changes one user's part of the cache when notes change."""

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared.cache import counters, index_entries, keyspace
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command, Script
from shared.errors import CacheFullError, CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.cache.index_entries import Entry
    from shared.cache.redis.client import RedisClient

_ROTATE_FENCE, _DROP_ENTRIES, _DELETE_USER = map(
    Script, ("rotate_fence", "drop_entries", "delete_user")
)


class Invalidation:
    """Rotates a user's fence and drops entries.

    Every method raises `CacheUnavailableError` if Redis may not have done the work: the change must
    not be acknowledged then. If Redis has no memory left, all of the user's answers are deleted,
    which needs none.
    """

    def __init__(self, redis_client: "RedisClient | None", *, replicas: int = 0) -> None:
        """`redis_client`: None if the cache is switched off: then every method does nothing.

        `replicas`: how many replicas must acknowledge each write.
        """
        self._redis_client = redis_client
        self._replicas = replicas

    async def rotate_fence(self, user_id: str) -> "dict[str, Entry | None]":
        """Replace the fence, so that no answer that is being generated now can be stored.

        Returns the index: entries by field, None for an entry that does not decode. Replicas must
        hold the fence as well: after a failover a replica's former fence would be valid again.
        """
        keys = keyspace.UserKeys.of(user_id)
        reply = await self._execute_or_delete(
            keys.hashes, _ROTATE_FENCE.call([keys.questions], _new_fence())
        )
        return {} if reply is None else index_entries.decode_index(hash_items(reply))

    async def drop_entries(
        self,
        user_id: str,
        fields: "Collection[str]",
        *,
        lag_ms: int = 0,
        pending: "Mapping[str, Entry] | None" = None,
    ) -> str:
        """Drop the entries of these fields. `lag_ms`, for the counters, is the change's age.

        `pending` are entries that take the place of dropped ones, by field. Returns the user's
        fence, or "" without an index.
        """
        keys = keyspace.UserKeys.of(user_id)
        pending = pending or {}
        call = _DROP_ENTRIES.call(
            _script_keys(keys),
            *(_new_fence(), lag_ms, len(fields)),
            *(*pending, *sorted({*fields} - pending.keys())),
            *map(index_entries.encode, pending.values()),
        )
        reply = await self._execute_or_delete(keys.hashes, call)
        await self._count_outages(keys)
        return (reply or b"").decode("ascii", "replace")

    async def delete_user(self, user_id: str, *, refusals: bool = True, lag_ms: int = 0) -> None:
        """Delete everything of a user, the fence included; refusals only if requested.

        `lag_ms` is as in `drop_entries`.
        """
        keys = keyspace.UserKeys.of(user_id)
        own = [keys.embeddings, keys.rewrites]
        if refusals:
            own += [keys.refusals, keys.usage]
        call = _DELETE_USER.call(_script_keys(keys, *own), lag_ms)
        await self._execute_or_delete([*keys.hashes, *own], call)
        await self._count_outages(keys)

    async def count(self, user_id: str, **increments: int) -> None:
        """Increment counters; a failure to count fails no change."""
        keys = keyspace.UserKeys.of(user_id)
        if any(increments.values()):
            with suppress(CacheUnavailableError):
                await self._execute(counters.count_command(keys.partition, **increments))

    async def _count_outages(self, keys: keyspace.UserKeys) -> None:
        """Count the outages that note changes met; requests count their own."""
        breaker = self._redis_client.circuit_breaker if self._redis_client else None
        if not (breaker and (opened := breaker.take_open_count())):
            return
        try:
            await self._execute(counters.count_command(keys.partition, redis_outages=opened))
        except CacheUnavailableError:  # the change itself is done: count again with the next one
            breaker.add_open_count(opened)

    async def _execute_or_delete(self, keys: "Sequence[str]", command: Command) -> Any:
        """Execute a command. If Redis is full, delete these keys and return None instead."""
        try:
            return await self._execute(command)
        except CacheFullError:
            await self._execute(Command.of("UNLINK", *keys))
            return None

    async def _execute(self, command: Command) -> Any:
        if self._redis_client is None:
            return None
        (reply,) = await self._redis_client.execute(command, replicas=self._replicas)
        return reply


def _script_keys(keys: keyspace.UserKeys, *others: str) -> list[str]:
    return [*keys.hashes, *others, *counters.counter_keys(keys.partition)]


def _new_fence() -> str:
    return secrets.token_urlsafe(12)
