"""Secrets that can change while a container is running, cached in the process."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable

from shared.errors import TercetError, UnavailableError

_MAX_AGE_SECONDS = 300.0
_REFETCH_SECONDS = 10.0
_NO_ERROR = UnavailableError("")
_log = logging.getLogger(__name__)


class Secret:
    """A token, or an address with a password, that is fetched at first use and cached.

    After five minutes it is refreshed in the background (stale-while-revalidate): no request that
    has a value waits. Concurrent requests share one fetch, which continues if they are cancelled.
    If a fetch fails, the cached value stays in use.

    `get` and `refetch` raise `ConfigurationError` if the setting names no usable secret, and
    `UnavailableError` if there is no value and none can be fetched at the moment.

    Args:
        variable: the setting that names the secret, for the log.
        fetch: fetches the value.
        clock: a wall clock, in seconds (default: `time.time`). Monotonic clocks may stop while a
            container is frozen.
    """

    def __init__(
        self,
        variable: str,
        fetch: Callable[[], Awaitable[str]],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._variable = variable
        self._fetch_value = fetch
        self._clock = clock or time.time
        self._value: str | None = None
        self._fetched_at = self._unchanged_at = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        self._error: TercetError = _NO_ERROR

    @classmethod
    def static(cls, value: str) -> "Secret":
        """Create a secret with a value that never changes, from an environment variable."""

        async def fetch() -> str:
            return value

        return cls("static", fetch)

    async def get(self) -> str:
        """Return the cached value. Wait for a fetch only if there is none."""
        if self._value is None:
            await asyncio.shield(self._start_fetch())
        elif self._clock() - self._fetched_at > _MAX_AGE_SECONDS:
            self._start_fetch()
        if self._value is None:
            raise self._error
        return self._value

    async def refetch(self, refused: str) -> str:
        """Return the current value after a server refused one: the same one if unchanged.

        While it is unchanged, it is fetched every ten seconds at most.
        """
        if self._value == refused and self._clock() - self._unchanged_at >= _REFETCH_SECONDS:
            await asyncio.shield(self._start_fetch())
            if self._value == refused:
                self._unchanged_at = self._clock()
        return await self.get()

    def _start_fetch(self) -> "asyncio.Task[None]":
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:  # returns nothing: the repr of a task contains its result
        try:
            self._value = await self._fetch_value()
            self._error = _NO_ERROR
        except TercetError as error:  # not raised: the request may have been cancelled
            if str(self._error) != str(error):  # once for each outage
                log_fields = {"variable": self._variable, "error": str(error)}
                _log.warning("a secret cannot be fetched", extra={"log_fields": log_fields})
            self._error = error
        self._fetched_at = self._clock()

    def __repr__(self) -> str:
        """Name the secret without its value."""
        return f"Secret({self._variable})"
