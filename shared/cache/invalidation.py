"""What a note change does to a user's part of the cache."""

import secrets
from typing import TYPE_CHECKING

from shared.cache import counting, keyspace, questions
from shared.cache.connection import Command, Connection, Script
from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection

    from shared.cache.questions import Entry

_RAISE_FENCE = Script("raise_fence")
_DROP = Script("drop")
_WAIT_SECONDS = 1.0


class Invalidation:
    """Drops what a change touched.

    Every method raises `CacheUnavailableError` where Redis did not hear of it: such a change must
    not be acknowledged.
    """

    def __init__(self, connection: Connection, *, replicas: int = 0) -> None:
        """`replicas`: how many must hold what was done before it counts as done."""
        self._connection = connection
        self._replicas = replicas

    async def raise_fence(self, user_id: str) -> "dict[str, Entry | None]":
        """Let nothing be stored that is being generated now; read what is cached already.

        Entries come by field; None stands for one that does not decode.
        """
        keys = keyspace.UserKeys.of(user_id)
        (flat,) = await self._connection.run(_RAISE_FENCE.call([keys.questions], _new_fence()))
        return questions.decode_all(zip(flat[::2], flat[1::2], strict=True))

    async def drop(self, user_id: str, fields: "Collection[str]", *, kept: int) -> None:
        """Drop these questions and count the rest as kept."""
        keys = keyspace.UserKeys.of(user_id)
        names = [keys.questions, keys.answers, keys.contexts, counting.today(keys.partition)]
        await self._lasting(
            keys, _DROP.call(names, _new_fence(), counting.TTL, kept, *sorted(fields))
        )

    async def forget(self, user_id: str) -> None:
        """Leave nothing of a user's; what is being generated has lost its fence."""
        keys = keyspace.UserKeys.of(user_id)
        await self._lasting(keys, Command.of("UNLINK", keys.questions, keys.answers, keys.contexts))

    async def _lasting(self, keys: keyspace.UserKeys, command: Command) -> None:
        """Run a command so that a failover does not undo it, where there are replicas."""
        if not self._replicas:
            await self._connection.run(command)
            return
        held = await self._connection.run_until_held(
            keys.questions, command, replicas=self._replicas, seconds=_WAIT_SECONDS
        )
        if held < self._replicas:
            raise CacheUnavailableError(
                f"{held} of {self._replicas} replicas hold the invalidation; it will be repeated"
            )


class NoInvalidation(Invalidation):
    """For where the cache is switched off: there is nothing to drop, and perhaps no Redis."""

    def __init__(self) -> None:
        """Need nothing."""

    async def raise_fence(self, user_id: str) -> "dict[str, Entry | None]":
        """Find nothing."""
        return {}

    async def drop(self, user_id: str, fields: "Collection[str]", *, kept: int) -> None:
        """Do nothing."""

    async def forget(self, user_id: str) -> None:
        """Do nothing."""


def _new_fence() -> str:
    return secrets.token_urlsafe(12)
