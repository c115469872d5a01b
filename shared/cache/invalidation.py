"""What a note change does to a user's part of the cache."""

import secrets
from typing import TYPE_CHECKING, Any

from shared.cache import counters, index_entries, keyspace
from shared.cache.parse_replies import pairs
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command, Script
from shared.errors import CacheFullError, CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.cache.index_entries import Entry

_ROTATE_FENCE = Script("rotate_fence")
_DROP_ENTRIES = Script("drop_entries")
_DELETE_USER = Script("delete_user")
_WAIT_SECONDS = 1.0


class Invalidation:
    """Drops what a change touched.

    Every method raises `CacheUnavailableError` where Redis did not hear of it: such a change must
    not be acknowledged. Where Redis is full, and so can note nothing down, it can still forget:
    then all of the user's answers go.
    """

    def __init__(self, redis_client: RedisClient, *, replicas: int = 0) -> None:
        """`replicas`: how many must hold what was done before it counts as done."""
        self._redis_client = redis_client
        self._replicas = replicas

    async def rotate_fence(self, user_id: str) -> "dict[str, Entry | None]":
        """Let nothing be stored that is being generated now; read what is cached already.

        Entries come by field; None stands for one that does not decode. Replicas hold the fence
        before it counts: else the successor of a master that died would have the former one, and
        an index that lacks what is to be dropped.
        """
        keys = keyspace.UserKeys.of(user_id)
        try:
            reply = await self._execute(_ROTATE_FENCE.call([keys.questions], _new_fence()))
        except CacheFullError:
            await self._lasting(keys, _removal(keys))
            return {}
        return index_entries.decode_named(pairs(reply))

    async def drop_entries(
        self, user_id: str, fields: "Collection[str]", *, lag: int | None = 0
    ) -> bool:
        """Drop these questions, and count the rest as kept.

        `lag` is for the counters: milliseconds since the note changed, or None where the change
        has been counted before. Returns whether all of them were there: if not, somebody else was
        faster, or a name was garbled on its way.
        """
        keys = keyspace.UserKeys.of(user_id)
        call = _DROP_ENTRIES.call(
            _names(keys), _new_fence(), counters.TTL, _told(lag), *sorted(fields)
        )
        dropped = await self._lasting(keys, call)
        await self._count_outages(keys)
        return dropped is None or dropped == len(fields)

    async def delete_user(self, user_id: str, *, lag: int | None = 0) -> None:
        """Leave nothing of a user's; what is being generated has lost its fence. `lag` as above."""
        keys = keyspace.UserKeys.of(user_id)
        names = [*_names(keys), keys.embeddings]
        await self._lasting(keys, _DELETE_USER.call(names, counters.TTL, _told(lag)))
        await self._count_outages(keys)

    async def _count_outages(self, keys: keyspace.UserKeys) -> None:
        """Count those that changes met; those of questions are counted with questions."""
        if not (begun := self._redis_client.circuit_breaker.take_open_count()):
            return
        key = counters.today(keys.partition)
        try:
            await self._redis_client.execute(Command.of("HINCRBY", key, "redis_outages", begun))
        except CacheUnavailableError:  # what was to be done is done; this is counted with the next
            self._redis_client.circuit_breaker.add_open_count(begun)

    async def _lasting(self, keys: keyspace.UserKeys, command: Command) -> Any:
        """Run a command so that a failover does not undo it, where there are replicas.

        Gives its reply; None where all of the user's cache went instead.
        """
        try:
            return await self._execute(command)
        except CacheFullError:
            await self._execute(_removal(keys))
            return None

    async def _execute(self, command: Command) -> Any:
        if not self._replicas:
            (reply,) = await self._redis_client.execute(command)
            return reply
        reply, held = await self._redis_client.execute_and_wait_for_replicas(
            command, replicas=self._replicas, seconds=_WAIT_SECONDS
        )
        if held < self._replicas:
            raise CacheUnavailableError(
                f"{held} of {self._replicas} replicas hold the invalidation; it will be repeated"
            )
        return reply


class NoInvalidation(Invalidation):
    """For where the cache is switched off: there is nothing to drop, and perhaps no Redis."""

    def __init__(self) -> None:
        """Need nothing."""

    async def rotate_fence(self, user_id: str) -> "dict[str, Entry | None]":
        """Find nothing."""
        return {}

    async def drop_entries(
        self, user_id: str, fields: "Collection[str]", *, lag: int | None = 0
    ) -> bool:
        """Do nothing."""
        return True

    async def delete_user(self, user_id: str, *, lag: int | None = 0) -> None:
        """Do nothing."""


def _names(keys: keyspace.UserKeys) -> list[str]:
    key = counters.today(keys.partition)
    return [keys.questions, keys.answers, keys.contexts, key, keys.entry_counts]


def _removal(keys: keyspace.UserKeys) -> Command:
    """Forget a user; needs no memory."""
    return Command.of("UNLINK", keys.questions, keys.answers, keys.contexts, keys.embeddings)


def _new_fence() -> str:
    return secrets.token_urlsafe(12)


def _told(lag: int | None) -> str | int:
    return "" if lag is None else lag
