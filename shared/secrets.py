"""Secrets that can change while a container is running, cached in the process."""

import logging
import math
import time
from collections.abc import Awaitable, Callable

from shared.background_fetch import BackgroundFetch
from shared.errors import TercetError

_MAX_AGE_SECONDS = 300.0
_REFETCH_SECONDS = 10.0
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
        self._cached = BackgroundFetch(f"the secret that {variable} names", self._fetch)
        self._fetched_at = self._unchanged_at = -math.inf

    @classmethod
    def static(cls, value: str) -> "Secret":
        """Create a secret with a value that never changes, from an environment variable."""

        async def fetch() -> str:
            return value

        return cls("static", fetch)

    async def get(self) -> str:
        """Return the cached value. Wait for a fetch only if there is none."""
        if self._cached.value is None:
            await self._cached.wait()
        elif self._clock() - self._fetched_at > _MAX_AGE_SECONDS:
            self._cached.start()
        if self._cached.value is None:
            raise self._cached.error
        return self._cached.value

    async def refetch(self, refused: str) -> str:
        """Return the current value after a server refused one: the same one if unchanged.

        While it is unchanged, it is fetched every ten seconds at most.
        """
        is_due = self._clock() - self._unchanged_at >= _REFETCH_SECONDS
        if self._cached.value == refused and is_due:
            await self._cached.wait()
            if self._cached.value == refused:
                self._unchanged_at = self._clock()
        return await self.get()

    async def _fetch(self) -> str:
        try:
            return await self._fetch_value()
        except TercetError as error:
            if str(self._cached.error) != str(error):  # once for each outage
                log_fields = {"variable": self._variable, "error": str(error)}
                _log.warning("a secret cannot be fetched", extra={"log_fields": log_fields})
            raise
        finally:
            self._fetched_at = self._clock()

    def __repr__(self) -> str:
        """Name the secret without its value."""
        return f"Secret({self._variable})"
