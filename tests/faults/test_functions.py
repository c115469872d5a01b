"""The functions that are not asked questions, while Redis is in trouble of each kind.

A note change comes again until it is done, from the queue as from whoever pushed it. Statistics
come, or are refused at once in good form; what was counted is there afterwards.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from functions.invalidate.app import create_app as create_push_app
from functions.invalidate.handler import QueueHandler
from functions.stats.app import create_app as create_stats_app
from shared import statistics
from shared.container import Container
from tests.support.main_job import ask, written
from tests.support.outages import a_container
from tests.support.queues import START, Context, batch, body, failed
from tests.support.troubles import TROUBLES, Redis
from tests.support.waiting import repeated

ASKED = "What is faith?"
AT_ONCE = 3.0
"""Seconds; a function that nobody waits for is patient for 1 s."""

REFUSING = {"full", "read-only"}
"""Where Redis still tells what it has."""


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def container(redis: Redis) -> AsyncIterator[Container]:
    """A container whose user has a note, with the answer from it cached, and counted."""
    container = a_container(redis.url, redis_timeout=1, local_mode=True)
    change = written("ann", "note", "Faith is trust.", occurred_at=START, version=1)
    await container.freshness.note_changed(change)
    for _ in range(2):
        await ask(container, "ann", ASKED)
    await container.aclose()
    yield container
    await container.aclose()


async def test_statistics_come_or_are_refused_and_nothing_counted_is_lost(
    redis: Redis, container: Container, trouble: str
) -> None:
    transport = httpx.ASGITransport(create_stats_app(container))
    headers = {"X-Tercet-User": "ann"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as client:
        before = (await client.get("/assistant/cache-stats")).json()["answers"]
        assert (before["exact"], before["generated"]) == (1, 1)
        TROUBLES[trouble](redis)
        for path in ("/assistant/cache-stats", "/metrics"):
            began = time.monotonic()
            response = await client.get(path)
            assert time.monotonic() - began < AT_ONCE
            assert response.status_code == (200 if trouble in REFUSING else 503)
            if response.status_code == 503:
                assert response.headers["content-type"] == "application/problem+json"
                assert response.json()["title"] == "Unavailable"
        redis.heal()

        async def told() -> bool:
            return (await client.get("/assistant/cache-stats")).status_code == 200

        await repeated(told)
        after = (await client.get("/assistant/cache-stats")).json()["answers"]
        if trouble != "killed":  # which took its memory with it
            assert after == before


@pytest.mark.parametrize("name", sorted(REFUSING))
async def test_statistics_are_told_where_their_sums_cannot_be_written_down(
    redis: Redis, container: Container, name: str
) -> None:
    TROUBLES[name](redis)
    told = await statistics.read(container.ledger)
    assert (told.total.exact, told.total.generated) == (1, 1)


async def test_statistics_are_told_by_a_server_that_lost_its_scripts(
    redis: Redis, container: Container
) -> None:
    redis.send("SCRIPT FLUSH")
    told = await statistics.read(container.ledger)
    assert (told.total.exact, told.total.generated, told.live.answers) == (1, 1, 1)


async def test_a_message_from_the_queue_comes_again_until_it_is_done(
    redis: Redis, container: Container, trouble: str
) -> None:
    event = batch(body("ann", "note", "updated", 2, "Faith is a gift."))
    context: Any = Context()  # the part of it that is looked at
    warm = a_container(redis.url, container.store)  # type: ignore[arg-type]  # in memory
    handler = QueueHandler(lambda: warm)

    async def delivered() -> bool:
        # The handler has a loop of its own, which no other may run beside in one thread.
        return not failed(await asyncio.to_thread(handler, event, context))

    TROUBLES[trouble](redis)
    assert await delivered() == (trouble == "full")
    redis.heal()
    await repeated(delivered)
    await fresh(container)
    loop, _ = handler._warm or pytest.fail("it opened nothing")
    await asyncio.to_thread(loop.run_until_complete, warm.aclose())
    loop.close()


async def test_a_pushed_message_is_refused_until_it_is_done(
    redis: Redis, container: Container, trouble: str
) -> None:
    transport = httpx.ASGITransport(create_push_app(container))
    message = body("ann", "note", "updated", 2, "Faith is a gift.")
    headers = {"X-Tercet-User": "ann", "Content-Type": "application/json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def pushed() -> bool:
            response = await client.post("/notes/changes", content=message, headers=headers)
            assert response.status_code in {204, 503}
            if response.status_code == 503:
                assert int(response.headers["Retry-After"]) > 0
            return response.status_code == 204

        TROUBLES[trouble](redis)
        assert await pushed() == (trouble == "full")
        redis.heal()
        await repeated(pushed)
    await fresh(container)


async def fresh(container: Container) -> None:
    """The answer is of the note as it is now."""
    reply = await ask(container, "ann", ASKED)
    assert reply.answer
    assert "gift" in reply.answer.text
