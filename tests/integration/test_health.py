"""`GET /health` reports each service after half a second, even if services hang."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from functions.ask import app as ask
from functions.stats import app as stats
from infra.local.valkey import ValkeyProcess, start_valkey
from shared.cache.redis.commands import Command
from shared.cache.redis.factory import open_redis_client
from shared.container import Container
from shared.errors import InferenceUnavailableError
from shared.health import Health, check
from shared.inference.circuit_breaker import CircuitBreakers
from shared.inference.shared_circuit_state import SharedCircuitState
from shared.notes.postgres.store import PostgresNoteStore
from shared.notes.sqlite import SQLiteNoteStore
from shared.notes.store import NoteStore
from shared.settings import Settings
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.note_backends import PROFILE

HEALTHY = {
    "status": "healthy",
    "cache_available": True,
    "redis_ping": "OK",
    "cache": "ok",
    "store": "ok",
    "model": "ok",
    "breaker": "closed",
    "problems": [],
}
UNCACHED = {"cache_available": False, "redis_ping": "unavailable", "cache": "unavailable"}
_MAX_SECONDS = 4
"""Limit on a busy machine; the time-out of Redis is 5 s in these tests."""

OFF = {"cache_available": False, "redis_ping": "off", "cache": "off"}


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Import what a first request imports, so that only the checks are timed."""
    asyncio.run(_load())


async def _load() -> None:
    for function in (ask, stats):
        container = Container(
            Settings(redis_url="redis://127.0.0.1:1/0"),
            store=PostgresNoteStore("postgresql://user@127.0.0.1:1/notes", PROFILE),
        )
        transport = httpx.ASGITransport(function.create_app(container))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await client.get("/health")
        await container.aclose()


async def health(
    store: NoteStore | None = None, *, of: Any = ask, **settings: Any
) -> dict[str, Any]:
    """Return the health of one function's app.

    A busy machine can be late, so a service must be unavailable three times.
    """
    container = Container(Settings(**settings), store=store or MemoryNoteStore())
    transport = httpx.ASGITransport(of.create_app(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for _ in range(3):
            async with asyncio.timeout(_MAX_SECONDS):
                response = await client.get("/health")
            body: dict[str, Any] = response.json()
            if "unavailable" not in {body["cache"], body["store"]}:
                break
    await container.aclose()
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert asdict(TypeAdapter(Health).validate_python(body)) == body
    return body


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyProcess]:
    with start_valkey() as server:
        yield server


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a server that accepts connections and never replies."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def test_status_is_healthy_if_all_services_are_available(valkey: ValkeyProcess) -> None:
    assert await health(redis_url=valkey.url, redis_timeout=2) == HEALTHY


async def test_status_is_healthy_if_the_cache_is_disabled() -> None:
    assert await health(cache_enabled=False) == HEALTHY | OFF


async def test_status_is_degraded_without_redis(mute: int) -> None:
    for port, problem in (
        (1, "no server listens at the host and port of REDIS_CACHE_URL"),
        (mute, "the cache sent no reply within 0.5 s"),
    ):
        url = f"redis://127.0.0.1:{port}/0"
        body = await health(redis_url=url, redis_timeout=5)
        assert problem in body.pop("problems")[0]
        expected = HEALTHY | UNCACHED | {"status": "degraded", "problems": []}
        assert body | {"problems": []} == expected


async def test_status_is_degraded_without_the_note_store(tmp_path: Path, mute: int) -> None:
    stores: list[Callable[[], NoteStore]] = [
        lambda: SQLiteNoteStore(tmp_path, PROFILE),  # a folder is no database
        lambda: PostgresNoteStore("postgresql://user@127.0.0.1:1/notes", PROFILE),
        lambda: PostgresNoteStore(f"postgresql://user@127.0.0.1:{mute}/notes", PROFILE),
    ]
    for made in stores:
        body = await health(made(), cache_enabled=False)
        assert "note store" in body["problems"][0] or "DATABASE_URL" in body["problems"][0]
        assert body == HEALTHY | OFF | {
            "status": "degraded",
            "store": "unavailable",
            "problems": body["problems"],
        }


async def test_services_that_hang_are_unavailable(mute: int) -> None:
    store = PostgresNoteStore(f"postgresql://user@127.0.0.1:{mute}/notes", PROFILE)
    body = await health(store, redis_url=f"redis://127.0.0.1:{mute}/0", redis_timeout=5)
    assert (body["cache"], body["store"]) == ("unavailable", "unavailable")


async def test_services_are_available_while_the_event_loop_is_blocked(
    valkey: ValkeyProcess,
) -> None:
    """As by the imports of a process's first request: the reply is there when the timer is late."""
    container = Container(Settings(redis_url=valkey.url, redis_timeout=5), store=MemoryNoteStore())
    checking = asyncio.ensure_future(check(container, store=True))
    for _ in range(3):  # the timer has begun
        await asyncio.sleep(0)
    time.sleep(0.8)  # noqa: ASYNC251  # longer than a check may take
    assert (await checking).status == "healthy"
    await container.aclose()


async def test_services_are_checked_concurrently(
    valkey: ValkeyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them replies once both are being checked."""
    both = asyncio.Barrier(2)
    redis_client = open_redis_client(Settings(redis_url=valkey.url), timeout=5)
    execute = redis_client.execute

    async def execute_with_store(*commands: Command) -> list[Any]:
        await both.wait()
        return await execute(*commands)

    class Store(MemoryNoteStore):
        async def ping(self) -> None:
            await both.wait()

    monkeypatch.setattr(redis_client, "execute", execute_with_store)
    result = await check(
        Container(Settings(), store=Store(), redis_client=redis_client), store=True
    )
    assert (result.cache, result.store) == ("ok", "ok")
    await redis_client.aclose()


async def open_breaker(breakers: CircuitBreakers) -> None:
    """Open the circuit breaker of the language model."""
    for _ in range(20):
        with pytest.raises(InferenceUnavailableError):
            async with breakers.chat.call():
                raise InferenceUnavailableError("busy")
    assert breakers.state != "closed"


@pytest.mark.parametrize(
    ("open_seconds", "expected"),
    [
        (60, {"status": "degraded", "model": "failing", "breaker": "open"}),
        (0.1, {"breaker": "half-open"}),
    ],
)
async def test_model_is_failing_if_another_container_opened_its_breaker(
    valkey: ValkeyProcess, open_seconds: float, expected: dict[str, str]
) -> None:
    of: dict[str, Any] = {
        "redis_url": valkey.url,
        "redis_timeout": 2,
        "chat_model": f"model with {open_seconds} s",
    }
    others = CircuitBreakers.from_settings(Settings(**of, breaker_open_seconds=open_seconds))
    await open_breaker(others)
    redis_client = open_redis_client(Settings(redis_url=valkey.url), timeout=5)
    await redis_client.execute(*SharedCircuitState(others).commands())
    await redis_client.aclose()
    await asyncio.sleep(0.2)
    assert await health(**of) == HEALTHY | expected
    assert await health(of=stats, **of) == HEALTHY | expected | {"store": None}


async def test_model_is_failing_by_the_containers_own_breaker_without_a_cache() -> None:
    container = Container(Settings(cache_enabled=False), store=MemoryNoteStore())
    await open_breaker(container.circuit_breakers)
    result = await check(container, store=True)
    assert (result.status, result.model, result.breaker) == ("degraded", "failing", "open")


async def test_statistics_function_does_not_check_the_note_store(
    valkey: ValkeyProcess, tmp_path: Path
) -> None:
    broken = SQLiteNoteStore(tmp_path, PROFILE)
    assert await health(broken, of=stats, redis_url=valkey.url, redis_timeout=2) == HEALTHY | {
        "store": None
    }


def test_health_of_the_statistics_function_loads_no_database_driver() -> None:
    code = """
import asyncio, json, sys
from shared import health
from shared.container import Container
from shared.settings import Settings
settings = Settings(redis_url="redis://127.0.0.1:1/0", database_url="postgresql://user@nowhere/")
asyncio.run(health.check(Container(settings), store=False))
print(json.dumps(sorted(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "redis" in json.loads(run.stdout)
    assert not {"asyncpg", "aiosqlite", "numpy", "httpx"} & set(json.loads(run.stdout))
