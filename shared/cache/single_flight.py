"""One question, one generation: who is generating an answer now, for others to wait for it.

A flight is a key that holds its owner's token. It lasts for a few seconds only and is renewed
while the owner works, so whoever waits for an owner that died takes over soon. An owner that
fails tells those who wait for it, under a key of its token's name: nobody who asks later sees
that. Without Redis there are no flights; within a container, `inference/sharing.py` does as much.
"""

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from shared import errors
from shared.cache import codec
from shared.cache.redis.commands import Argument, Command, Script
from shared.errors import CacheUnavailableError, TercetError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from shared.cache.keyspace import UserKeys
    from shared.cache.redis.client import RedisClient

_LOCK_MS = 3_000
_RENEW_SECONDS = 1.0
_FAILURE_MS = 2_000
_ACQUIRE, _RENEW, _RELEASE = map(Script, ("acquire_lock", "renew_lock", "release_lock"))


def acquire(key: str, token: str, milliseconds: int = _LOCK_MS) -> Command:
    """Acquire a lock if it is free. The reply is the token of its holder."""
    return _ACQUIRE.call([key], token, milliseconds)


def owner(flight: str) -> Command:
    """Ask for the token of a flight's owner."""
    return Command.of("GET", flight)


def failure(keys: "UserKeys", token: bytes | None) -> Command:
    """Ask why the flight of this token brought no answer."""
    return Command.of("GET", keys.failure((token or b"").decode("ascii", "replace")))


def pauses() -> "Iterator[float]":
    """How long to wait before each look at somebody else's flight, in seconds."""
    yield from (0.05, 0.1, 0.2)
    while True:
        yield 0.25


class Lock:
    """A flight of one's own."""

    def __init__(self, keys: "UserKeys", name: str, token: str) -> None:
        """`name` is its key."""
        self._keys = keys
        self._name = name
        self._token = token
        self._failed = b""

    @asynccontextmanager
    async def renewed(self, redis_client: "RedisClient") -> "AsyncIterator[None]":
        """Keep it aloft, and notice what fails meanwhile."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(_RENEW_SECONDS)
                with suppress(CacheUnavailableError):
                    await redis_client.execute(_RENEW.call([self._name], self._token, _LOCK_MS))

        task = asyncio.create_task(renew())
        try:
            yield
        except TercetError as error:
            # Its kind and message, which are fit to be shown.
            self._failed = _told(error)
            raise
        except Exception:
            self._failed = _told(UnavailableError("whoever was answering this failed; ask again"))
            raise
        finally:
            task.cancel()

    def release(self, counters: str, ttl: int, *counts: Argument) -> Command:
        """End it without an answer, tell those who wait what failed, and count."""
        names = [self._name, self._keys.failure(self._token), counters]
        return _RELEASE.call(names, self._token, self._failed, _FAILURE_MS, ttl, *counts)


def error(said: bytes | None) -> TercetError | None:
    """Read what an owner said."""
    values = codec.unpack(said, str, str, float) if said else None
    if values is None:
        return None
    name, message, retry_after = values
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, TercetError)):
        kind = UnavailableError
    if issubclass(kind, UnavailableError):
        return kind(message, retry_after=retry_after or None)
    return kind(message)


def _told(error: TercetError) -> bytes:
    retry_after = getattr(error, "retry_after", None)
    return codec.pack(type(error).__name__, str(error), float(retry_after or 0))
