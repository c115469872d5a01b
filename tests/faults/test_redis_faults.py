"""Redis lost, mute, slow, full, read-only or locked: the answer comes all the same.

And what is acknowledged of a note change is done, whatever befalls Redis meanwhile.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.valkey import free_port
from shared.container import Container
from shared.errors import CacheUnavailableError
from shared.notes.messages.note_changed import NoteChanged
from shared.reply import Reply
from tests.support.fakes import SlowAnswerer, create_container
from tests.support.main_job import ask, written
from tests.support.redis_faults import REDIS_FAULTS, FaultyRedis

ASKED = "What is faith?"
GENEROUS = 1.0
"""What a cache may at worst add to an answer on a busy machine, in seconds; the promise is 0.1."""


@pytest.fixture(params=REDIS_FAULTS)
def strike(request: pytest.FixtureRequest, redis: FaultyRedis) -> Callable[[], None]:
    """Let one trouble befall the server."""
    trouble = REDIS_FAULTS[request.param]
    return lambda: trouble(redis)


@pytest.fixture
async def container(redis: FaultyRedis) -> AsyncIterator[Container]:
    """A container whose user has a note, with the answer from it cached."""
    container = create_container(redis.url, redis_timeout=0.25)
    await container.freshness.note_changed(change("Faith is trust."))
    await asked_until_hit(container)
    yield container
    await container.aclose()


def change(text: str, minutes: int = 0) -> NoteChanged:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    return written("ann", "note", text, occurred_at=at)


async def asked_until_hit(container: Container) -> Reply:
    """Ask until the answer is found in a cache that is well."""
    async with asyncio.timeout(30):
        while True:
            reply = await ask(container, "ann", ASKED)
            if (reply.cache, reply.tier) == ("ok", "l1"):
                return reply
            await asyncio.sleep(0.05)


async def test_every_question_is_answered_and_the_cache_is_used_again_afterwards(
    redis: FaultyRedis,
    container: Container,
    strike: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The outage is told once, however many questions it meets."""
    caplog.set_level(logging.WARNING, "shared.cache")
    expected = (await asked_until_hit(container)).answer
    assert expected
    strike()
    for _ in range(5):
        began = time.monotonic()
        reply = await ask(container, "ann", ASKED)
        assert reply.answer
        assert (reply.answer.text, reply.cache) == (expected.text, "unavailable")
        assert time.monotonic() - began < GENEROUS
    assert [line.message for line in caplog.records] == ["the cache is unavailable"]
    redis.recover()
    async with asyncio.timeout(30):
        while caplog.records[-1].message != "the cache is available again":
            await asked_until_hit(container)


async def test_a_note_change_is_done_or_not_acknowledged(
    redis: FaultyRedis, container: Container, strike: Callable[[], None]
) -> None:
    strike()
    try:
        await container.freshness.note_changed(change("Faith is a gift.", 1))
    except CacheUnavailableError:
        acknowledged = False
    else:
        acknowledged = True
    redis.recover()
    reply = await asked_until_hit(container) if acknowledged else None
    while not acknowledged:
        try:
            await container.freshness.note_changed(change("Faith is a gift.", 1))
        except CacheUnavailableError:
            await asyncio.sleep(0.05)
        else:
            acknowledged = True
    reply = reply or await asked_until_hit(container)
    assert reply.answer
    assert "gift" in reply.answer.text


async def test_a_change_is_done_even_where_redis_is_full(
    redis: FaultyRedis, container: Container
) -> None:
    redis.fill()
    await container.freshness.note_changed(change("Faith is a gift.", 1))
    redis.recover()
    reply = await asked_until_hit(container)
    assert reply.answer
    assert "gift" in reply.answer.text


async def test_a_container_that_never_met_redis_answers(
    strike: Callable[[], None], redis: FaultyRedis
) -> None:
    strike()
    container = create_container(redis.url, redis_timeout=0.25)
    reply = await ask(container, "ann", ASKED)
    assert reply.cache == "unavailable"
    await container.aclose()


async def test_a_container_without_any_redis_answers() -> None:
    container = create_container(f"redis://127.0.0.1:{free_port()}/0")
    assert (await ask(container, "ann", ASKED)).cache == "unavailable"
    await container.aclose()


async def test_a_server_that_lost_its_scripts_is_taught_them_without_anybody_noticing(
    redis: FaultyRedis, container: Container
) -> None:
    redis.send("SCRIPT FLUSH")
    reply = await ask(container, "ann", ASKED)
    assert (reply.cache, reply.tier) == ("ok", "l1")


async def test_trouble_while_an_answer_is_written_does_not_reach_it(
    redis: FaultyRedis, container: Container, strike: Callable[[], None]
) -> None:
    assert isinstance(container.answerer, SlowAnswerer)
    container.answerer.seconds = 0.3
    asking = asyncio.create_task(ask(container, "ann", "What is hope?"))
    await asyncio.sleep(0.15)
    strike()
    reply = await asking
    assert reply.answer
    assert not reply.stored
