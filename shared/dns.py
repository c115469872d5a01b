"""Lookups of host names: one thread for each host, however many connections wait for it.

asyncio runs `getaddrinfo` in its default thread pool, which has six threads on two processors. A
thread that waits for a name server cannot be cancelled. Without sharing, the connections to one
host whose lookups hang would occupy the whole pool, and with it every other host.
"""

import asyncio
from typing import Any


def share_lookups() -> None:
    """Let concurrent lookups of one host share one thread, in the running event loop.

    A connection that is cancelled leaves the lookup to the others.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.BaseEventLoop) or "getaddrinfo" in vars(loop):
        return  # uvloop has a thread pool of its own for lookups
    lookups: dict[Any, asyncio.Future[Any]] = {}
    look_up = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **options: int) -> Any:
        key = (host, port, *sorted(options.items()))
        if (lookup := lookups.get(key)) is None:
            lookup = lookups[key] = loop.create_task(look_up(host, port, **options))
            lookup.add_done_callback(lambda done: _finish(lookups, key, done))
        return await asyncio.shield(lookup)

    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]  # no other seam for all clients


def _finish(
    lookups: dict[Any, "asyncio.Future[Any]"], key: Any, done: "asyncio.Future[Any]"
) -> None:
    del lookups[key]
    if not done.cancelled():
        done.exception()  # retrieved here: all that waited may have been cancelled
