"""Faults of Redis: every question is answered, and acknowledged note changes are applied."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.container import Container
from shared.errors import CacheUnavailableError
from shared.notes.messages.note_changed import NoteChanged
from shared.reply import Reply
from tests.support.fakes import SlowAnswerer, create_container
from tests.support.full_stack import ask, updated
from tests.support.redis_faults import REDIS_FAULTS, FaultyRedis
from tests.support.waiting import until

ASKED = "What is faith?"
MAX_SECONDS = 5.0
"""Limit for an answer on a busy machine; `make bench` measures the added latency."""


@pytest.fixture(params=REDIS_FAULTS)
def inject_fault(request: pytest.FixtureRequest, redis: FaultyRedis) -> Callable[[], None]:
    """Injects one of the faults."""
    fault = REDIS_FAULTS[request.param]
    return lambda: fault(redis)


@pytest.fixture
async def container(redis: FaultyRedis) -> AsyncIterator[Container]:
    """A container with one note, and the answer from it cached."""
    container = create_container(redis.url, redis_timeout=0.25)
    await container.freshness.note_changed(change("Faith is trust."))
    await ask_until_hit(container)
    yield container
    await container.aclose()


def change(text: str, minutes: int = 0) -> NoteChanged:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    return updated("ann", "note", text, occurred_at=at)


async def ask_until_hit(container: Container) -> Reply:
    """Ask until the answer comes from a healthy cache."""
    async with asyncio.timeout(30):
        while True:
            reply = await ask(container, "ann", ASKED)
            if (reply.cache, reply.tier) == ("ok", "l1"):
                return reply
            await asyncio.sleep(0.05)


async def test_every_question_is_answered_and_the_cache_is_used_again_after_recovery(
    redis: FaultyRedis,
    container: Container,
    inject_fault: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The outage is logged once for five questions."""
    caplog.set_level(logging.WARNING, "shared.cache")
    expected = (await ask_until_hit(container)).answer
    assert expected
    caplog.clear()  # on a busy machine the time-out may have passed before the fault
    inject_fault()
    for _ in range(5):
        began = time.monotonic()
        reply = await ask(container, "ann", ASKED)
        assert reply.answer
        assert (reply.answer.text, reply.cache) == (expected.text, "unavailable")
        assert time.monotonic() - began < MAX_SECONDS
    assert [line.message for line in caplog.records] == ["the cache is unavailable"]
    redis.recover()
    async with asyncio.timeout(30):
        while caplog.records[-1].message != "the cache is available again":
            await ask_until_hit(container)


async def test_an_acknowledged_note_change_is_applied(
    redis: FaultyRedis, container: Container, inject_fault: Callable[[], None]
) -> None:
    inject_fault()
    try:
        await container.freshness.note_changed(change("Faith is a gift.", 1))
    except CacheUnavailableError:
        acknowledged = False
    else:
        acknowledged = True
    redis.recover()
    reply = await ask_until_hit(container) if acknowledged else None
    while not acknowledged:
        try:
            await container.freshness.note_changed(change("Faith is a gift.", 1))
        except CacheUnavailableError:
            await asyncio.sleep(0.05)
        else:
            acknowledged = True
    reply = reply or await ask_until_hit(container)
    assert reply.answer
    assert "gift" in reply.answer.text


async def test_a_note_change_is_applied_when_redis_is_full(
    redis: FaultyRedis, container: Container
) -> None:
    redis.fill()
    await container.freshness.note_changed(change("Faith is a gift.", 1))
    redis.recover()
    reply = await ask_until_hit(container)
    assert reply.answer
    assert "gift" in reply.answer.text


async def test_a_new_container_answers(
    inject_fault: Callable[[], None], redis: FaultyRedis
) -> None:
    inject_fault()
    container = create_container(redis.url, redis_timeout=0.25)
    reply = await ask(container, "ann", ASKED)
    assert reply.cache == "unavailable"
    await container.aclose()


async def test_a_container_answers_when_no_server_listens() -> None:
    container = create_container("redis://127.0.0.1:1/0")
    assert (await ask(container, "ann", ASKED)).cache == "unavailable"
    await container.aclose()


@pytest.mark.usefixtures("container")
async def test_a_hit_is_served_by_a_server_that_lost_its_scripts(redis: FaultyRedis) -> None:
    redis.send("SCRIPT FLUSH")
    other = create_container(redis.url, redis_timeout=5)
    reply = await ask(other, "ann", ASKED)
    assert (reply.cache, reply.tier) == ("ok", "l1")
    await other.aclose()


async def test_an_answer_survives_a_fault_that_begins_while_it_is_generated(
    redis: FaultyRedis, container: Container, inject_fault: Callable[[], None]
) -> None:
    answerer = container.answerer
    assert isinstance(answerer, SlowAnswerer)
    answerer.seconds, before = 0.3, answerer.begun
    asking = asyncio.create_task(ask(container, "ann", "What is hope?"))
    await until(lambda: answerer.begun > before)
    inject_fault()
    reply = await asking
    assert reply.answer
    assert not reply.stored
