"""How a container fares, told without keeping anyone waiting."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from shared.errors import TercetError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from shared.cache.redis.client import RedisClient
    from shared.container import Container
    from shared.inference.circuit_breaker import CircuitBreakers

_PROBE_SECONDS = 0.5

Probe: TypeAlias = Literal["ok", "unavailable"]
BreakerState: TypeAlias = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class Health:
    """How the parts fare, and with them the whole.

    `status` is `healthy`, or `degraded` where a part is away: what is in the cache is answered
    without the others, and everything else without the cache. `cache` is `ok`, `unavailable`, or
    `off` where it is switched off, which `cache_available` and `redis_ping` say in other words.
    `store` is `ok`, `unavailable`, or None where this function uses none. No model is asked, for
    that costs money: `model` is `failing` while the `breaker` of any is `open`, which containers
    know of each other by way of the cache.
    """

    status: Literal["healthy", "degraded"]
    cache_available: bool
    redis_ping: Literal["OK", "unavailable", "off"]
    cache: Probe | Literal["off"]
    store: Probe | None
    model: Literal["ok", "failing"]
    breaker: BreakerState


async def check(container: "Container", *, store: bool) -> Health:
    """Ask all parts at once; half a second at most.

    `store` says whether the notes are any of this function's business: asking for them loads
    the driver of their database.
    """
    cache, notes = await asyncio.gather(_cache(container), _store(container, asked=store))
    breaker = cast("BreakerState", container.circuit_breakers.state)
    failing = breaker == "open"
    well = not failing and "unavailable" not in {cache, notes}
    return Health(
        status="healthy" if well else "degraded",
        cache_available=cache == "ok",
        redis_ping="OK" if cache == "ok" else cache,
        cache=cache,
        store=notes,
        model="failing" if failing else "ok",
        breaker=breaker,
    )


async def _cache(container: "Container") -> Probe | Literal["off"]:
    redis_client = container.redis_client
    return (
        "off"
        if redis_client is None
        else await _answers(_ask(redis_client, container.circuit_breakers))
    )


async def _ask(redis_client: "RedisClient", breakers: "CircuitBreakers") -> None:
    """Hear from Redis that it is there, and until when the models are left alone."""
    from shared.cache.redis.commands import Command  # noqa: PLC0415
    from shared.inference.shared_circuit_state import SharedCircuitState  # noqa: PLC0415  # redis is there by now

    shared = SharedCircuitState(breakers)
    replies = await redis_client.execute(Command.of("PING"), *shared.commands())
    shared.receive(replies[1:])


async def _store(container: "Container", *, asked: bool) -> "Probe | None":
    async def ping() -> None:
        await container.store.ping()  # opening it may fail, too

    return await _answers(ping()) if asked else None


async def _answers(probe: "Coroutine[object, object, object]") -> Probe:
    """Say whether a probe comes back in time.

    One that does not is cancelled and left behind: a driver may take its time over a cancelled
    call, and nobody is to wait for that.
    """
    task = asyncio.ensure_future(probe)
    try:
        await asyncio.wait({task}, timeout=_PROBE_SECONDS)
        if not task.done():
            return "unavailable"
        task.result()
    except TercetError:
        return "unavailable"  # also where it cannot even be opened
    finally:
        task.cancel()
    return "ok"
