"""The functions that are not asked questions, while Redis is in trouble of each kind.

A note change comes again until it is done, from the queue as from whoever pushed it. StatsSnapshot
come, or are refused at once in good form; what was counted is there afterwards.
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
from infra.local.valkey import free_port
from shared.container import Container
from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.queues import START, Context, batch, body, close, failed
from tests.support.redis_faults import REDIS_FAULTS, FaultyRedis
from tests.support.waiting import repeated

ASKED = "What is faith?"
AT_ONCE = 3.0
"""Seconds; a function that nobody waits for is patient for 1 s."""

REFUSING = {"full", "read-only"}
"""Where Redis still tells what it has."""


@pytest.fixture(params=REDIS_FAULTS)
def trouble(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def container(redis: FaultyRedis) -> AsyncIterator[Container]:
    """A container whose user has a note, with the answer from it cached, and counted."""
    container = create_container(redis.url, redis_timeout=1, local_mode=True)
    change = updated("ann", "note", "Faith is trust.", occurred_at=START, version=1)
    await container.freshness.note_changed(change)
    for _ in range(2):
        await ask(container, "ann", ASKED)
    await container.aclose()
    yield container
    await container.aclose()


async def test_statistics_come_or_are_refused_and_nothing_counted_is_lost(
    redis: FaultyRedis, container: Container, trouble: str
) -> None:
    async with client_of(create_stats_app(container)) as client:
        before = (await client.get("/assistant/cache-stats")).json()["outcomes"]
        assert (before["exact"], before["none"]) == (1, 1)
        REDIS_FAULTS[trouble](redis)
        for attempt in (told, measured):
            began = time.monotonic()
            assert await attempt(container) == (trouble in REFUSING)
            assert time.monotonic() - began < AT_ONCE
        redis.recover()
        await repeated(lambda: told(container))
        after = (await client.get("/assistant/cache-stats")).json()["outcomes"]
        if trouble != "killed":  # which took its memory with it
            assert after == before


@pytest.mark.parametrize("name", sorted(REFUSING))
async def test_statistics_are_told_where_their_sums_cannot_be_written_down(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    REDIS_FAULTS[name](redis)
    told = await container.counter_reader.read_snapshot()
    assert (told.total.exact_hits, told.total.answers_generated) == (1, 1)


async def test_statistics_are_told_by_a_server_that_lost_its_scripts(
    redis: FaultyRedis, container: Container
) -> None:
    redis.send("SCRIPT FLUSH")
    told = await container.counter_reader.read_snapshot()
    assert (told.total.exact_hits, told.total.answers_generated, told.entries.answers) == (1, 1, 1)


async def test_a_message_from_the_queue_comes_again_until_it_is_done(
    redis: FaultyRedis, container: Container, trouble: str
) -> None:
    event = batch(body("ann", "note", "updated", 2, "Faith is a gift."))
    context: Any = Context()  # the part of it that is looked at
    store: Any = container.store  # in memory
    handler = QueueHandler(lambda: create_container(redis.url, store))

    async def delivered() -> bool:
        # The handler has a loop of its own, which no other may run beside in one thread.
        return not failed(await asyncio.to_thread(handler, event, context))

    REDIS_FAULTS[trouble](redis)
    assert await delivered() == (trouble == "full")
    redis.recover()
    await repeated(delivered)
    await fresh(container)
    await asyncio.to_thread(close, handler)


async def test_a_pushed_message_is_refused_until_it_is_done(
    redis: FaultyRedis, container: Container, trouble: str
) -> None:
    REDIS_FAULTS[trouble](redis)
    assert await pushed(container) == (trouble == "full")
    redis.recover()
    await repeated(lambda: pushed(container))
    await fresh(container)


@pytest.mark.parametrize("name", ["killed", "mute"])
async def test_a_container_that_begins_without_redis_refuses_until_it_is_there(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    REDIS_FAULTS[name](redis)
    begun = begin(redis.url, container)
    await refuses(begun)
    redis.recover()
    await repeated(lambda: pushed(begun))
    await repeated(lambda: told(begun))
    await begun.aclose()
    await fresh(container)


async def test_so_does_one_that_finds_nobody_where_redis_should_be(container: Container) -> None:
    begun = begin(f"redis://127.0.0.1:{free_port()}/0", container)
    await refuses(begun)
    await begun.aclose()


def begin(url: str, container: Container) -> Container:
    """Another container over the same notes."""
    return create_container(url, container.store, redis_timeout=1, local_mode=True)  # type: ignore[arg-type]  # in memory


async def refuses(container: Container) -> None:
    """StatsSnapshot and changes; twice, for the second time Redis is known to be away."""
    for attempt in (told, measured, pushed) * 2:
        began = time.monotonic()
        assert not await attempt(container)
        assert time.monotonic() - began < AT_ONCE


async def told(container: Container, path: str = "/assistant/cache-stats") -> bool:
    """Whether statistics come; else they are refused in good form."""
    async with client_of(create_stats_app(container)) as client:
        response = await client.get(path)
    if response.status_code == 200:
        return True
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"] == "Unavailable"
    return False


async def measured(container: Container) -> bool:
    return await told(container, "/metrics")


async def pushed(container: Container) -> bool:
    """Whether a change is acknowledged; else it says when to come again."""
    message = body("ann", "note", "updated", 2, "Faith is a gift.")
    async with client_of(create_push_app(container)) as client:
        response = await client.post(
            "/notes/changes", content=message, headers={"Content-Type": "application/json"}
        )
    assert response.status_code in {204, 503}
    if response.status_code == 503:
        assert int(response.headers["Retry-After"]) > 0
    return response.status_code == 204


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1",
        headers={"X-Tercet-User": "ann"},
    )


async def fresh(container: Container) -> None:
    """The answer is of the note as it is now."""
    reply = await ask(container, "ann", ASKED)
    assert reply.answer
    assert "gift" in reply.answer.text
