"""How a container fares, told without keeping anyone waiting."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import CacheUnavailableError

if TYPE_CHECKING:
    from shared.container import Container

_PROBE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Health:
    """`status` is `healthy`, or `degraded` where questions are answered without their cache.

    `redis_ping` is `OK`, `unavailable`, or `off` where the cache is switched off.
    """

    status: str
    cache_available: bool
    redis_ping: str


async def check(container: "Container") -> Health:
    """Ask Redis whether it is there; half a second at most."""
    connection = container.connection
    if connection is None:
        return Health("healthy", cache_available=False, redis_ping="off")
    from shared.cache.connection import Command  # noqa: PLC0415  # redis is there by now

    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await connection.run(Command.of("PING"))
    except (CacheUnavailableError, TimeoutError):
        return Health("degraded", cache_available=False, redis_ping="unavailable")
    return Health("healthy", cache_available=True, redis_ping="OK")
