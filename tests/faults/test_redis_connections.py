"""Probes of a server that does not respond, cancelled requests, and event loop lag."""

import asyncio
import time
from random import Random

import pytest

from shared.cache.redis.commands import Command
from shared.cache.redis.factory import open_redis_client
from shared.settings import Settings
from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.redis_faults import FaultyRedis
from tests.support.waiting import until


async def test_few_requests_probe_a_mute_redis_and_the_others_do_not_wait(
    redis: FaultyRedis,
) -> None:
    container = create_container(redis.url, redis_timeout=0.25)
    await ask(container, "ann", "What is faith?")
    redis.mute()
    await ask(container, "ann", "What is faith?")
    loop = asyncio.get_running_loop()
    before, began = redis.proxy.connections, loop.time()
    bursts = 0
    while loop.time() < began + 1:
        replies = await asyncio.gather(*(ask(container, "ann", "What is hope?") for _ in range(20)))
        assert {reply.cache for reply in replies} == {"unavailable"}
        bursts += 1
    probes = redis.proxy.connections - before
    assert 1 <= probes <= min(bursts, 1 + (loop.time() - began) / 0.3)
    await container.aclose()


async def test_aclose_leaves_no_task_running(redis: FaultyRedis) -> None:
    container = create_container(redis.url, redis_timeout=0.05)
    redis.mute()
    await asyncio.gather(*(ask(container, "ann", f"What is {n}?") for n in range(100)))
    await container.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_reply_of_a_cancelled_request_never_reaches_another_request(
    redis: FaultyRedis,
) -> None:
    """And its connection is not lost: there are only four."""
    container = create_container(redis.url, redis_timeout=5, redis_connections=4)
    await container.freshness.note_changed(updated("ann", "note", "Faith is trust."))
    questions = [f"What is number {number}?" for number in range(20)]
    expected = {question: (await ask(container, "ann", question)).answer for question in questions}
    redis.proxy.delay = 0.002
    rng = Random(1)
    for _ in range(10):
        tasks = [asyncio.create_task(ask(container, "ann", question)) for question in questions]
        for task in rng.sample(tasks, 10):
            await asyncio.sleep(rng.random() * 0.003)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for question in questions:
        reply = await ask(container, "ann", question)
        assert (reply.cache, reply.answer) == ("ok", expected[question])
    await container.aclose()


async def test_replies_of_a_cancelled_round_trip_never_reach_another_one(
    redis: FaultyRedis,
) -> None:
    """Whichever of its replies have arrived."""
    redis_client = open_redis_client(Settings(redis_url=redis.url, redis_timeout=5))
    redis.proxy.delay = 0.001
    rng = Random(1)
    for number in range(100):
        words = [f"{number} {place}" * 9_000 for place in range(4)]
        commands = [Command.of("ECHO", word) for word in words]
        cancelled = asyncio.create_task(redis_client.execute(*commands))
        await asyncio.sleep(rng.random() * 0.004)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        replies = await redis_client.execute(*reversed(commands))
        assert replies == [word.encode() for word in reversed(words)]
    await redis_client.aclose()


async def test_waiting_for_a_free_connection_is_no_outage_of_redis(redis: FaultyRedis) -> None:
    """The requests wait longer in total than the time-out and the budget of a request."""
    container = create_container(redis.url, redis_timeout=1, redis_connections=1)
    await ask(container, "ann", "What is faith?")
    redis.proxy.delay = 0.04
    replies = await asyncio.gather(*(ask(container, f"user {n}", "What is?") for n in range(15)))
    assert {reply.cache for reply in replies} == {"ok"}
    assert container.redis_client
    assert container.redis_client.circuit_breaker.take_open_count() == 0
    await container.aclose()


@pytest.mark.parametrize("questions", [150, pytest.param(300, marks=pytest.mark.slow)])
async def test_many_questions_at_once_are_no_outage_of_redis(
    redis: FaultyRedis, questions: int
) -> None:
    """The event loop lags: each miss reads the index of its user, which grows.

    The time-out is six times the default: on a busy machine the server lags too.
    """
    container = create_container(redis.server.url, redis_timeout=0.5)
    await container.freshness.note_changed(updated("ann", "note", "Faith is trust."))
    replies = await asyncio.gather(
        *(ask(container, "ann", f"What is {n}?") for n in range(questions))
    )
    assert {(reply.cache, reply.stored) for reply in replies} == {("ok", True)}
    assert container.redis_client
    assert container.redis_client.circuit_breaker.take_open_count() == 0
    await container.aclose()


async def test_a_blocked_event_loop_is_no_outage_of_redis(redis: FaultyRedis) -> None:
    """For example while first requests import modules and others wait for replies."""
    container = create_container(redis.url, redis_timeout=1)
    await ask(container, "ann", "What is faith?")
    redis.proxy.delay, before = 0.1, redis.proxy.round_trips
    asking = asyncio.create_task(ask(container, "ann", "What is faith?"))
    await until(lambda: redis.proxy.round_trips > before)
    time.sleep(2)  # noqa: ASYNC251  # this causes the lag
    await asking
    redis.proxy.delay = 0
    assert (await ask(container, "ann", "What is faith?")).cache == "ok"
    await container.aclose()
