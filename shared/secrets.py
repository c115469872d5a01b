"""Secrets that may change while a container is warm."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.errors import TercetError

_KEPT_SECONDS = 300.0
_IN_VAIN_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Secret(Protocol):
    """A token, or an address with a password in it.

    Both methods raise `ConfigurationError` where the settings name none that can be read, and
    `UnavailableError` where whoever keeps it does not answer.
    """

    async def value(self) -> str:
        """Give it, as it was last read."""
        ...

    async def renewed(self, refused: str) -> str:
        """Give what has come in place of a value that was refused; that value, if nothing has."""
        ...


class GivenSecret:
    """One that the environment holds: it changes with a deploy."""

    def __init__(self, value: str) -> None:
        self._value = value

    async def value(self) -> str:
        """Give it."""
        return self._value

    async def renewed(self, refused: str) -> str:
        """Give the same again."""
        del refused
        return self._value


class KeptSecret:
    """One that is read when it is first needed, and again when it is old or refused.

    Requests that need it at the same time share one reading. Where a later reading fails, what
    was read before serves on: it may well be good still.

    Args:
        variable: the setting that names it, for the log.
        read: reads it from where it is kept.
        clock: a wall clock, in seconds: a snapshot may sleep for days.
    """

    def __init__(
        self,
        variable: str,
        read: Callable[[], Awaitable[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._variable = variable
        self._read = read
        self._clock = clock
        self._turn = asyncio.Lock()
        self._readings = 0
        self._value: str | None = None
        self._read_at = self._in_vain_at = float("-inf")

    async def value(self) -> str:
        """Give it; what was read more than five minutes ago is read again."""
        if self._value is None or self._clock() - self._read_at > _KEPT_SECONDS:
            return await self._again()
        return self._value

    async def renewed(self, refused: str) -> str:
        """Read it again, unless that was tried just now and brought nothing new."""
        if self._value != refused or self._clock() - self._in_vain_at < _IN_VAIN_SECONDS:
            return await self.value()
        value = await self._again()
        if value == refused:
            self._in_vain_at = self._clock()
        return value

    async def _again(self) -> str:
        seen = self._readings
        async with self._turn:
            if self._readings == seen:  # else another request has read it meanwhile
                try:
                    self._value = await self._read()
                except TercetError as error:
                    if self._value is None:
                        raise
                    log_fields = {"variable": self._variable, "error": str(error)}
                    _log.warning(
                        "a secret could not be read again", extra={"log_fields": log_fields}
                    )
                self._readings += 1
                self._read_at = self._clock()
            assert self._value is not None  # noqa: S101  # or it would have raised
            return self._value

    def __repr__(self) -> str:
        """Name it without telling it."""
        return f"KeptSecret({self._variable})"
