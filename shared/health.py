"""The health of a container and of the services that it uses."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from shared.cache.redis.commands import Command
from shared.errors import TercetError
from shared.inference.circuit_breaker import CircuitState

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from shared.container import Container

_CHECK_SECONDS = 0.5

ServiceStatus: TypeAlias = Literal["ok", "unavailable"]


@dataclass(frozen=True, slots=True)
class Health:
    """The result of a health check.

    Attributes:
        status: `healthy`, or `degraded` if a service is unavailable or a breaker is open.
        cache_available: whether `cache` is `ok`.
        redis_ping: `OK`, or the value of `cache`.
        cache: `ok`, `unavailable`, or `off` if the cache is disabled.
        store: `ok`, `unavailable`, or None if the function uses no notes.
        model: `failing` while a circuit breaker is open, else `ok`. No model is called.
        breaker: the worst state of the models' circuit breakers, in all containers.
    """

    status: Literal["healthy", "degraded"]
    cache_available: bool
    redis_ping: Literal["OK", "unavailable", "off"]
    cache: ServiceStatus | Literal["off"]
    store: ServiceStatus | None
    model: Literal["ok", "failing"]
    breaker: CircuitState


async def check(container: "Container", *, store: bool) -> Health:
    """Check all services at once, in half a second at most.

    `store`: whether to check the note store; that loads its database driver.
    """
    cache, notes = await asyncio.gather(_check_cache(container), _check_store(container, store))
    breaker = container.circuit_breakers.state
    is_open = breaker == "open"
    degraded = is_open or "unavailable" in {cache, notes}
    return Health(
        status="degraded" if degraded else "healthy",
        cache_available=cache == "ok",
        redis_ping="OK" if cache == "ok" else cache,
        cache=cache,
        store=notes,
        model="failing" if is_open else "ok",
        breaker=breaker,
    )


async def _check_cache(container: "Container") -> ServiceStatus | Literal["off"]:
    redis_client = container.redis_client
    if redis_client is None:
        return "off"

    async def ping() -> None:
        shared = container.shared_circuit_state()
        replies = await redis_client.execute(Command.of("PING"), *shared.commands())
        shared.receive(replies[1:])

    return await _status_of(ping())


async def _check_store(container: "Container", used: bool) -> ServiceStatus | None:  # noqa: FBT001  # private
    async def ping() -> None:
        await container.store.ping()  # opening the store may fail, too

    return await _status_of(ping()) if used else None


async def _status_of(check: "Coroutine[object, object, object]") -> ServiceStatus:
    """Return `ok` if a check succeeds in time, else `unavailable`.

    A check that is late is cancelled and not awaited: a driver may react slowly to that.
    """
    task = asyncio.ensure_future(check)
    try:
        await asyncio.wait({task}, timeout=_CHECK_SECONDS)
        if not task.done():
            return "unavailable"
        task.result()
    except TercetError:
        return "unavailable"
    finally:
        task.cancel()
    return "ok"
