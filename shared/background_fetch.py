"""A value that is fetched in the background, once for all callers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shared.errors import TercetError, UnavailableError

_WAIT_SECONDS = 10.0

T = TypeVar("T")


class BackgroundFetch(Generic[T]):
    """The last value that was fetched, and why the last fetch failed.

    A fetch continues if its caller is cancelled. Its error is not raised but stored: a caller that
    has a value needs no other.
    """

    def __init__(self, name: str, fetch: Callable[[], Awaitable[T]]) -> None:
        """`name` of the value is for error messages."""
        self._name = name
        self._fetch_value = fetch
        self._task: asyncio.Task[None] | None = None
        self.value: T | None = None
        self.error: TercetError = self._unavailable("none that is valid was returned")

    def start(self) -> "asyncio.Task[None]":
        """Start a fetch, unless one is in progress."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._fetch())
        return self._task

    async def wait(self) -> None:
        """Wait for a fetch, for ten seconds at most. Start it unless one is in progress."""
        done, _ = await asyncio.wait({self.start()}, timeout=_WAIT_SECONDS)
        if not done:
            self.error = self._unavailable(f"no response within {_WAIT_SECONDS:.0f} s")
        for task in done:
            task.result()

    async def _fetch(self) -> None:  # returns nothing: the repr of a task contains its result
        try:
            self.value = await self._fetch_value()
            self.error = self._unavailable("none that is valid was returned")
        except TercetError as error:
            self.error = error

    def _unavailable(self, reason: str) -> UnavailableError:
        return UnavailableError(f"{self._name} cannot be fetched: {reason}")
