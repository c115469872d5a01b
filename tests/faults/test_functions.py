"""Faults of Redis: note changes and statistics.

A note change is redelivered until it is applied, by the queue or by the sender of a push.
Statistics are returned, or refused quickly with a problem document; no count is lost.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from functions.invalidate.app import create_app as create_push_app
from functions.invalidate.handler import QueueHandler
from functions.stats.app import create_app as create_stats_app
from shared.container import Container
from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.queues import START, Context, batch, body, close, failed
from tests.support.redis_faults import REDIS_FAULTS, FaultyRedis
from tests.support.waiting import repeated

ASKED = "What is faith?"
MAX_SECONDS = 10.0
"""Limit for a refusal on a busy machine; redis-py's own retries take 28 s."""

READABLE_FAULTS = {"full", "read-only"}
"""Faults during which Redis can still be read."""


@pytest.fixture(params=REDIS_FAULTS)
def fault(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def container(redis: FaultyRedis) -> AsyncIterator[Container]:
    """A container whose user has a note, a cached answer and counted requests."""
    container = create_container(redis.url, redis_timeout=1, local_mode=True)
    change = updated("ann", "note", "Faith is trust.", occurred_at=START, version=1)
    await container.freshness.note_changed(change)
    for _ in range(2):
        await ask(container, "ann", ASKED)
    await container.aclose()
    yield container
    await container.aclose()


async def test_statistics_are_returned_or_refused_and_no_count_is_lost(
    redis: FaultyRedis, container: Container, fault: str
) -> None:
    async with client_of(create_stats_app(container)) as client:
        before = (await client.get("/assistant/cache-stats")).json()["outcomes"]
        assert (before["exact"], before["none"]) == (1, 1)
        REDIS_FAULTS[fault](redis)
        for attempt in (get_statistics, get_metrics):
            began = time.monotonic()
            assert await attempt(container) == (fault in READABLE_FAULTS)
            assert time.monotonic() - began < MAX_SECONDS
        redis.recover()
        await repeated(lambda: get_statistics(container))
        after = (await client.get("/assistant/cache-stats")).json()["outcomes"]
        if fault != "killed":  # a killed server loses its memory
            assert after == before


@pytest.mark.parametrize("name", sorted(READABLE_FAULTS))
async def test_statistics_are_returned_when_daily_totals_cannot_be_written(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    REDIS_FAULTS[name](redis)
    snapshot = await container.counter_reader.read_snapshot()
    assert (snapshot.total.exact_hits, snapshot.total.answers_generated) == (1, 1)


async def test_statistics_are_returned_after_redis_lost_its_scripts(
    redis: FaultyRedis, container: Container
) -> None:
    redis.send("SCRIPT FLUSH")
    snapshot = await container.counter_reader.read_snapshot()
    assert (
        snapshot.total.exact_hits,
        snapshot.total.answers_generated,
        snapshot.entries.answers,
    ) == (1, 1, 1)


async def test_queue_message_is_redelivered_until_its_change_is_applied(
    redis: FaultyRedis, container: Container, fault: str
) -> None:
    event = batch(body("ann", "note", "updated", 2, "Faith is a gift."))
    context: Any = Context()  # a partial Lambda context
    store: Any = container.store  # a MemoryNoteStore
    handler = QueueHandler(lambda: create_container(redis.url, store))

    async def delivered() -> bool:
        # The handler runs its own event loop, so it needs its own thread.
        return not failed(await asyncio.to_thread(handler, event, context))

    REDIS_FAULTS[fault](redis)
    assert await delivered() == (fault == "full")
    redis.recover()
    await repeated(delivered)
    await assert_fresh(container)
    await asyncio.to_thread(close, handler)


async def test_pushed_change_is_refused_until_it_can_be_applied(
    redis: FaultyRedis, container: Container, fault: str
) -> None:
    REDIS_FAULTS[fault](redis)
    assert await push_change(container) == (fault == "full")
    redis.recover()
    await repeated(lambda: push_change(container))
    await assert_fresh(container)


@pytest.mark.parametrize("name", ["killed", "mute"])
async def test_new_container_without_redis_refuses_until_redis_returns(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    REDIS_FAULTS[name](redis)
    new_container = open_another(redis.url, container)
    await assert_refuses(new_container)
    redis.recover()
    await repeated(lambda: push_change(new_container))
    await repeated(lambda: get_statistics(new_container))
    await new_container.aclose()
    await assert_fresh(container)


async def test_new_container_with_an_unused_redis_port_refuses(container: Container) -> None:
    new_container = open_another("redis://127.0.0.1:1/0", container)
    await assert_refuses(new_container)
    await new_container.aclose()


def open_another(url: str, container: Container) -> Container:
    """Open another container with the same notes."""
    return create_container(url, container.store, redis_timeout=1, local_mode=True)  # type: ignore[arg-type]  # a MemoryNoteStore


async def assert_refuses(container: Container) -> None:
    """Request statistics and a change, twice: the second time the circuit breaker is open."""
    for attempt in (get_statistics, get_metrics, push_change) * 2:
        began = time.monotonic()
        assert not await attempt(container)
        assert time.monotonic() - began < MAX_SECONDS


async def get_statistics(container: Container, path: str = "/assistant/cache-stats") -> bool:
    """Return whether statistics are returned; check the problem document if not."""
    async with client_of(create_stats_app(container)) as client:
        response = await client.get(path)
    if response.status_code == 200:
        return True
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"] == "Unavailable"
    return False


async def get_metrics(container: Container) -> bool:
    return await get_statistics(container, "/metrics")


async def push_change(container: Container) -> bool:
    """Return whether a pushed change is acknowledged; check `Retry-After` if not."""
    message = body("ann", "note", "updated", 2, "Faith is a gift.")
    async with client_of(create_push_app(container)) as client:
        response = await client.post(
            "/notes/changes", content=message, headers={"Content-Type": "application/json"}
        )
    assert response.status_code in {200, 503}
    if response.status_code == 503:
        assert int(response.headers["Retry-After"]) > 0
    return response.status_code == 200


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1",
        headers={"X-Tercet-User": "ann"},
    )


async def assert_fresh(container: Container) -> None:
    """Check that the answer is from the current note."""
    reply = await ask(container, "ann", ASKED)
    assert reply.answer
    assert "gift" in reply.answer.text
