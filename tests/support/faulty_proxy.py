"""A proxy that delays, drops or truncates what it forwards, or closes connections."""

import asyncio
from random import Random

from tests.support.servers import CountingProxy


class FaultyProxy(CountingProxy):
    """A `CountingProxy` with faults that can be set at any time."""

    def __init__(self, target: int = 0, *, seed: int = 0) -> None:
        super().__init__(target)
        self._rng = Random(seed)
        self.delay = 0.0
        """Delay of each reply, in seconds; no reply is delayed after it was set to zero."""
        self.mute = False
        """Accept connections and forward nothing."""
        self.cut = False
        """Close a connection when its client sends something."""
        self.truncated = False
        """Forward a part of each reply, then close the connection."""

    async def _filter(self, data: bytes, *, client: bool) -> bytes:
        while self.mute:  # noqa: ASYNC110  # it is set from other threads
            await asyncio.sleep(0.01)
        if self.cut:
            raise ConnectionAbortedError
        if client:
            return data
        loop = asyncio.get_running_loop()
        until = loop.time() + self.delay
        while (seconds := min(until - loop.time(), self.delay, 0.05)) > 0:  # noqa: ASYNC110  # as above
            await asyncio.sleep(seconds)
        return data[: self._rng.randrange(len(data))] if self.truncated else data
