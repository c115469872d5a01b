"""The health of a container and of the services that it uses."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from shared.cache.redis.commands import Command
from shared.errors import ReembeddingRequiredError, TercetError
from shared.inference.circuit_breaker import CircuitState

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from shared.container import Container

_CHECK_SECONDS = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Health:
    """The result of a health check.

    Attributes:
        status: `healthy`, or `degraded` if a service is unavailable, a breaker is open or notes
            must be embedded again.
        cache_available: whether `cache` is `ok`.
        redis_ping: `OK`, or the value of `cache`.
        cache: `ok`, `unavailable`, or `off` if the cache is disabled.
        store: `ok`, `unavailable`, `reembedding_required` if notes were embedded with other
            settings, or None if the function uses no notes.
        model: `failing` while a circuit breaker is open, else `ok`. No model is called.
        breaker: the worst state of the models' circuit breakers, in all containers.
    """

    status: Literal["healthy", "degraded"]
    cache_available: bool
    redis_ping: Literal["OK", "unavailable", "off"]
    cache: Literal["ok", "unavailable", "off"]
    store: Literal["ok", "unavailable", "reembedding_required"] | None
    model: Literal["ok", "failing"]
    breaker: CircuitState


async def check(container: "Container", *, store: bool) -> Health:
    """Check all services at once, in half a second at most.

    `store`: whether to check the note store; that loads its database driver.
    """
    cache, notes = await asyncio.gather(
        _in_time(_ping_redis(container)), _in_time(_ping_store(container, used=store))
    )
    breaker = container.circuit_breakers.state
    is_open = breaker == "open"
    degraded = is_open or not {cache, notes} <= {"ok", "off", None}
    return Health(
        status="degraded" if degraded else "healthy",
        cache_available=cache == "ok",
        redis_ping="OK" if cache == "ok" else cache,
        cache=cache,
        store=notes,
        model="failing" if is_open else "ok",
        breaker=breaker,
    )


async def _ping_redis(container: "Container") -> Literal["ok", "off"]:
    if container.redis_client is None:
        return "off"
    shared = container.shared_circuit_state()
    replies = await container.redis_client.execute(Command.of("PING"), *shared.commands())
    shared.receive(replies[1:])
    return "ok"


async def _ping_store(
    container: "Container", *, used: bool
) -> Literal["ok", "reembedding_required"] | None:
    if not used:
        return None
    try:
        await container.store.ping()  # opening the store may fail, too
    except ReembeddingRequiredError:
        return "reembedding_required"
    return "ok"


async def _in_time(check: "Coroutine[Any, Any, T]") -> T | Literal["unavailable"]:
    """Return the result of a check, or `unavailable` if it fails or is late.

    A check that is late is cancelled and not awaited: a driver may react slowly to that.
    """
    task = asyncio.ensure_future(check)
    try:
        await asyncio.wait({task}, timeout=_CHECK_SECONDS)
        return task.result() if task.done() else "unavailable"
    except TercetError:
        return "unavailable"
    finally:
        task.cancel()
