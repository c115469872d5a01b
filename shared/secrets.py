"""Secrets that can change while a container is running, cached in the process."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.errors import TercetError

_MAX_AGE_SECONDS = 300.0
_REFETCH_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Secret(Protocol):
    """A token, or an address that contains a password.

    Both methods raise `ConfigurationError` if the setting names no usable secret, and
    `UnavailableError` if the secret cannot be fetched at the moment.
    """

    async def get(self) -> str:
        """Return the value."""
        ...

    async def refetch(self, refused: str) -> str:
        """Return the current value after a server refused one: the same one if unchanged."""
        ...


class StaticSecret:
    """A secret from an environment variable. It changes with a deployment."""

    def __init__(self, value: str) -> None:
        self._value = value

    async def get(self) -> str:
        """Return the value."""
        return self._value

    async def refetch(self, refused: str) -> str:
        """Return the value."""
        del refused
        return self._value


class CachedSecret:
    """A secret that is fetched at first use and cached.

    After five minutes it is refreshed in the background (stale-while-revalidate): no request that
    has a value waits. Concurrent requests share one fetch, which continues if they are cancelled.
    If a fetch fails, the cached value stays in use.

    Args:
        variable: the setting that names the secret, for the log.
        fetch: fetches the value.
        clock: a wall clock, in seconds: monotonic clocks may stop while a container is frozen.
    """

    def __init__(
        self,
        variable: str,
        fetch: Callable[[], Awaitable[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._variable = variable
        self._fetch_value = fetch
        self._clock = clock
        self._value: str | None = None
        self._fetched_at = self._unchanged_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._logged = ""

    async def get(self) -> str:
        """Return the cached value. Wait for a fetch only if there is none."""
        if self._value is None:
            await asyncio.shield(self._start_fetch())
        elif self._clock() - self._fetched_at > _MAX_AGE_SECONDS:
            self._start_fetch()
        assert self._value is not None  # noqa: S101  # a failed first fetch raises
        return self._value

    async def refetch(self, refused: str) -> str:
        """Fetch the value again, at most every ten seconds while it stays the refused one."""
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
            self._logged = ""
        except TercetError as error:
            if self._logged != str(error):  # once for each outage
                self._logged = str(error)
                log_fields = {"variable": self._variable, "error": self._logged}
                _log.warning("a secret cannot be fetched", extra={"log_fields": log_fields})
            if self._value is None:
                raise
        self._fetched_at = self._clock()

    def __repr__(self) -> str:
        """Name the secret without its value."""
        return f"CachedSecret({self._variable})"
