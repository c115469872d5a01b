"""The single-flight lock: of all processes, one request generates an answer and the others wait.

The lock is a key that holds its holder's token. It expires after 3 s, and its holder renews it, so
a waiting request soon replaces a holder that died. A holder that fails stores its error under its
token, where only the requests that wait for it look. Without Redis there is no lock;
`inference/coalescing_answerer.py` coalesces the generations of one process then.
"""

import asyncio
import secrets
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from shared import errors
from shared.cache import codec
from shared.cache.redis.commands import Argument, Command, Script
from shared.errors import CacheUnavailableError, TercetError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from shared.cache.keyspace import UserKeys
    from shared.cache.redis.client import RedisClient

_LOCK_MS = 3_000
_RENEW_SECONDS = 1.0
_ERROR_MS = 2_000
_ACQUIRE, _RENEW, _RELEASE = map(Script, ("acquire_lock", "renew_lock", "release_lock"))


def acquire_command(key: str, token: str, milliseconds: int) -> Command:
    """Acquire a lock if it is free. The reply is the token of its holder."""
    return _ACQUIRE.call([key], token, milliseconds)


def poll_intervals() -> "Iterator[float]":
    """Return the seconds to wait before each poll of a lock that another request holds."""
    yield from (0.05, 0.1, 0.2)
    while True:
        yield 0.25


class SingleFlightLock:
    """The lock of one question, as one request uses it.

    `held`: this request is the holder. `fence`: the user's fence, as round trip 1 read it. It is
    part of the key, so that no request waits for an answer from before a note change.
    """

    def __init__(self, keys: "UserKeys", field: str) -> None:
        """`field` is the question's in its user's hashes."""
        self.token = secrets.token_urlsafe(12)  # as of a fence, which may begin with it
        self.fence = ""
        self.held = False
        self._holder = b""
        self._keys = keys
        self._field = field
        self._error = b""

    @property
    def key(self) -> str:
        """The lock's key."""
        return self._keys.lock(self._field, self.fence)

    def acquire_command(self, *, aliases: bool) -> Command:
        """Acquire the lock if it is free and the question has no answer.

        The reply goes to `set_holder`. `aliases`: an alias is an answer too.
        """
        keys, now = [self.key, self._keys.questions, self._keys.answers], int(time.time())
        return _ACQUIRE.call(keys, self.token, _LOCK_MS, self._field, now, int(aliases))

    @property
    def holder(self) -> str:
        """The holder's token when Redis last returned it; empty if the lock was free."""
        return self._holder.decode("ascii", "replace")

    @property
    def has_holder(self) -> bool:
        """Whether the lock was held when Redis last returned its holder."""
        return bool(self._holder)

    def set_holder(self, token: bytes | None) -> bool:
        """Set the holder's token as Redis returned it. Return whether the lock is still held."""
        self._holder = token or b""
        self.held = self._holder == self.token.encode()
        return self.has_holder

    def poll_commands(self) -> list[Command]:
        """Return the commands that read the holder's token and its error."""
        error_key = self._keys.lock_error(self.holder)
        return [Command.of("GET", self.key), Command.of("GET", error_key)]

    @asynccontextmanager
    async def renewed(self, redis_client: "RedisClient") -> "AsyncIterator[None]":
        """Renew the lock while the body runs. An error of the body goes to `release_command`."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(_RENEW_SECONDS)
                with suppress(CacheUnavailableError):
                    await redis_client.execute(_RENEW.call([self.key], self.token, _LOCK_MS))

        task = asyncio.create_task(renew())
        try:
            yield
        except TercetError as error:
            self._error = _encode_error(error)
            raise
        except Exception:
            self._error = _encode_error(UnavailableError("generating the answer failed; ask again"))
            raise
        finally:
            task.cancel()

    def release_command(self, counter_keys: "Sequence[str]", *counts: Argument) -> Command:
        """Release the lock without an answer, store the error, and count."""
        keys = [self.key, self._keys.lock_error(self.token), *counter_keys]
        return _RELEASE.call(keys, self.token, self._error, _ERROR_MS, *counts)


def decode_error(data: bytes | None) -> TercetError | None:
    """Return the error of a lock's holder."""
    values = codec.unpack(data, str, str, float) if data else None
    if values is None:
        return None
    name, message, retry_after = values
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, TercetError)):
        kind = UnavailableError
    if issubclass(kind, UnavailableError):
        return kind(message, retry_after=retry_after or None)
    return kind(message)


def _encode_error(error: TercetError) -> bytes:
    """Encode the type and message, which hold no private data."""
    retry_after = getattr(error, "retry_after", None)
    return codec.pack(type(error).__name__, str(error), float(retry_after or 0))
