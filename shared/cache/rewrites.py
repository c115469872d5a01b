"""Cached rewrites: the stand-alone questions of follow-ups, in a hash of each user.

A rewrite depends on the conversation alone, so no note change drops it. Its text is private: it is
stored for its user, expires, and is deleted with the user.
"""

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from shared.cache import codec, counters, keyspace, single_flight
from shared.cache.fail_open import fail_open
from shared.cache.redis.budgeted_client import BudgetedClient
from shared.cache.redis.commands import Command, Script
from shared.cache.scripts import QuestionScripts
from shared.deadline import remaining_seconds
from shared.errors import InferenceTimeoutError, TercetError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.cache.redis.client import RedisClient
    from shared.settings import Settings

_STORE = Script("store_rewrite")
_STILL_REWRITING = "another request is still rewriting this question; ask again"
_HEADER = 11  # version(1) expires(10), in ASCII


class _Polled(NamedTuple):
    """What the holder of the lock stored, or its error."""

    text: str = ""
    error: TercetError | None = None


class RewriteSession:
    """One request's access to the cached rewrite of its question.

    Redis fails no request: without it each request rewrites its own question. `fence` is the
    user's, as the first round trip read it, or empty.
    """

    def __init__(
        self,
        redis_client: "RedisClient | None",
        settings: "Settings",
        *,
        user_id: str,
        parts: "Sequence[str]",
    ) -> None:
        """`parts` are the model, the prompt, the question and the turns. No command is sent yet."""
        self._settings = settings
        self._keys = keyspace.UserKeys.of(user_id)
        self._field = keyspace.rewrite_field(*parts)
        self._redis = BudgetedClient(redis_client, settings.redis_timeout)
        self._lock = single_flight.SingleFlightLock(self._keys, self._field)
        self._scripts = QuestionScripts(self._keys, self._field, self._lock, settings)

    @property
    def fence(self) -> str:
        """The user's fence before the rewrite."""
        return self._lock.fence

    async def get_or_rewrite(self, rewrite: "Callable[[], Awaitable[str]]") -> str:
        """Return the cached rewrite. Otherwise one of all equal concurrent requests rewrites.

        Raises:
            TercetError: that of `rewrite`, in this request or in the one that it waited for.
        """
        text = await self._load() or await self._acquire()
        while not text and self._lock.has_holder and not self._lock.held:
            polled = await self._poll()
            if polled.error:
                raise polled.error
            text = polled.text or await self._acquire()
        if not text:
            return await self._rewrite(rewrite)
        if self._lock.held:  # the former holder stored it before this request acquired the lock
            await self._release()
        return text

    def disable(self) -> None:
        """Send no more commands, after a programming error."""
        self._redis.status = "failed"

    @fail_open(str)
    async def _load(self) -> str:
        """Read the fence and the rewrite; "" if there is none."""
        fence = self._scripts.lookup("fence", aliases=False, counts=())
        replies = await self._redis.execute(fence, self._get())
        if not replies:
            return ""
        self._lock.fence = (replies[0][0] or b"").decode("ascii", "replace")
        return _decode(self._field, replies[1])

    @fail_open(str)
    async def _acquire(self) -> str:
        """Acquire the lock if it is free. Return the rewrite if there is one by now."""
        replies = await self._redis.execute(self._lock.acquire_command(aliases=False), self._get())
        self._lock.set_holder(replies[0] if replies else None)
        return _decode(self._field, replies[1]) if replies else ""

    @fail_open(_Polled)
    async def _poll(self) -> _Polled:
        """Wait for the holder of the lock. Return what it stored, or its error."""
        for seconds in single_flight.poll_intervals():
            if remaining_seconds() <= 0:
                return _Polled(error=InferenceTimeoutError(_STILL_REWRITING))
            await asyncio.sleep(seconds)
            self._redis.reset_budget()
            replies = await self._redis.execute(*self._lock.poll_commands(), self._get())
            holder, error, value = replies or (None, None, None)
            is_held = self._lock.set_holder(holder)
            text, holder_error = _decode(self._field, value), single_flight.decode_error(error)
            if text or holder_error or not is_held:
                return _Polled(text, None if text else holder_error)
        raise AssertionError("the intervals end")

    async def _rewrite(self, rewrite: "Callable[[], Awaitable[str]]") -> str:
        client = self._redis.redis_client
        if not self._lock.held or client is None:
            text = await rewrite()
            await self._store(text)
            return text
        try:
            async with self._lock.renewed(client):
                text = await rewrite()
            await self._store(text)
        finally:
            if self._lock.held:
                await self._release()
        return text

    @fail_open(lambda: None)
    async def _store(self, text: str) -> None:
        self._redis.reset_budget()  # a rewrite takes longer than any round trip
        ttl = self._settings.answer_ttl
        call = _STORE.call(
            [self._keys.questions, self._keys.rewrites, self._lock.key],
            self._lock.fence,
            self._field,
            _encode(self._field, text, int(time.time()) + ttl),
            ttl,
            int(time.time()),
            self._lock.token,
            self._settings.max_questions,
        )
        if await self._redis.execute(call):
            self._lock.held = False

    @fail_open(lambda: None)
    async def _release(self) -> None:
        self._lock.held = False
        keys = counters.counter_keys(self._keys.partition)
        await self._redis.execute(self._lock.release_command(keys))

    def _get(self) -> Command:
        return Command.of("HGET", self._keys.rewrites, self._field)


def _encode(field: str, text: str, expires: int) -> bytes:
    """Encode a rewrite: version, expiry, field and text, checksum."""
    header = f"{codec.VERSION}{expires:010d}".encode("ascii")
    return codec.add_checksum(header + codec.pack(field, text))


def _decode(field: str, sealed: bytes | None) -> str:
    """Decode the rewrite of a field; "" if there is none, or it has expired or is corrupt."""
    data = codec.verify_checksum(sealed) if sealed else None
    if data is None or data[:1] != codec.VERSION.encode("ascii"):
        return ""
    values = codec.unpack(data[_HEADER:], str, str)
    expires = data[1:_HEADER]
    if values is None or values[0] != field or not expires.isdigit():
        return ""
    return str(values[1]) if int(expires) > time.time() else ""
