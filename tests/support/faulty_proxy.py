"""A proxy that delays, swallows, tears and cuts what passes."""

import asyncio
from random import Random

from tests.support.servers import CountingProxy


class FaultyProxy(CountingProxy):
    """A `CountingProxy` whose faults may be switched on and off at any time."""

    def __init__(self, target: int = 0, *, seed: int = 0) -> None:
        super().__init__(target)
        self._rng = Random(seed)
        self.delay = 0.0
        """Seconds by which every reply comes later."""
        self.mute = False
        """Connections are taken; nothing passes until this ends."""
        self.cut = False
        """Whoever sends anything is hung up on."""
        self.torn = False
        """Of every reply a part passes, then its connection is cut."""

    async def _passing(self, data: bytes, *, client: bool) -> bytes:
        while self.mute:  # noqa: ASYNC110  # it is switched from other threads
            await asyncio.sleep(0.01)
        if self.cut:
            raise ConnectionAbortedError
        if client:
            return data
        await asyncio.sleep(self.delay)
        if self.torn:
            return data[: self._rng.randrange(len(data))]
        return data
