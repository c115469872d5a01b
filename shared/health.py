"""The health of a container and of the services that it uses."""

import asyncio
import logging
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from shared.cache import keyspace
from shared.cache.redis.commands import Command
from shared.cache.redis.timeouts import LagTolerantTimeout
from shared.errors import ReembeddingRequiredError, TercetError
from shared.inference.circuit_breaker import CircuitState

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from shared.container import Container

_CHECK_SECONDS = 0.5
_log = logging.getLogger(__name__)

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
        problems: why the cache or the store is not `ok`, with what would be right.
    """

    status: Literal["healthy", "degraded"]
    cache_available: bool
    redis_ping: Literal["OK", "unavailable", "off"]
    cache: Literal["ok", "unavailable", "off"]
    store: Literal["ok", "unavailable", "reembedding_required"] | None
    model: Literal["ok", "failing"]
    breaker: CircuitState
    problems: list[str]


async def check(container: "Container", *, store: bool) -> Health:
    """Check all services at once, in half a second unless the event loop is blocked.

    `store`: whether to check the note store; that loads its database driver.
    """
    problems: list[str] = []
    cache, notes = await asyncio.gather(
        _in_time("the cache", _check_redis(container), problems),
        _in_time("the note store", _check_store(container, problems, used=store), problems),
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
        problems=problems,
    )


async def _check_redis(container: "Container") -> Literal["ok", "off"]:
    if container.redis_client is None:
        return "off"
    shared = container.shared_circuit_state()
    # A replica, and a user without permissions, would answer PING.
    commands = [Command.of("SET", keyspace.shared_state_keys("health", "").lock, 1, "PX", 1_000)]
    if not container.settings.redis_cluster:
        # A node of a cluster refuses the keys that other nodes have.
        keys = map(keyspace.entry_counts_key, range(keyspace.PARTITIONS))
        commands += [Command.of("PTTL", key) for key in keys]
    replies = await container.redis_client.execute(*commands, *shared.commands())
    shared.receive(replies[len(commands) :])
    return "ok"


async def _check_store(
    container: "Container", problems: list[str], *, used: bool
) -> Literal["ok", "reembedding_required", "unavailable"] | None:
    if not used:
        return None
    try:
        await container.store.ping()  # opening the store may fail, too
    except TercetError as error:
        problems.append(str(error))
        if isinstance(error, ReembeddingRequiredError):
            return "reembedding_required"
        _log_once(str(error))
        return "unavailable"
    return "ok"


@cache
def _log_once(problem: str) -> None:
    _log.error("the note store cannot be used", extra={"log_fields": {"error": problem}})


async def _in_time(
    service: str, check: "Coroutine[Any, Any, T]", problems: list[str]
) -> T | Literal["unavailable"]:
    """Return the result of a check, or `unavailable` if it fails or is late.

    A check that is late is cancelled and not awaited: a driver may react slowly to that. Time in
    which the event loop is blocked does not count: the first request of a process loads modules.
    """
    task = asyncio.ensure_future(check)
    try:
        async with LagTolerantTimeout(_CHECK_SECONDS):
            await asyncio.wait({task})
        return task.result()
    except TimeoutError:
        problems.append(f"{service} sent no reply within {_CHECK_SECONDS} s")
    except TercetError as error:
        problems.append(str(error))
    finally:
        task.cancel()
    return "unavailable"
