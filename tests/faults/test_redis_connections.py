"""A server that does not answer is left alone, and requests that give up leave nothing behind."""

import asyncio
import time
from random import Random

from tests.support.fakes import create_container
from tests.support.main_job import ask, written
from tests.support.redis_faults import FaultyRedis
from tests.support.waiting import until


async def test_while_redis_is_mute_few_requests_probe_and_none_waits_for_it(
    redis: FaultyRedis,
) -> None:
    container = create_container(redis.url, redis_timeout=0.25)
    await ask(container, "ann", "What is faith?")
    redis.mute()
    await ask(container, "ann", "What is faith?")
    loop = asyncio.get_running_loop()
    before, began = redis.proxy.connections, loop.time()
    asked = 0
    while loop.time() < began + 1:
        replies = await asyncio.gather(*(ask(container, "ann", "What is hope?") for _ in range(20)))
        assert {reply.cache for reply in replies} == {"unavailable"}
        asked += len(replies)
    probes = redis.proxy.connections - before
    assert 1 <= probes <= 1 + (loop.time() - began) / 0.3
    assert asked > 20 * probes, "the others did not wait for the probes"
    await container.aclose()


async def test_nothing_goes_on_once_the_container_is_closed(redis: FaultyRedis) -> None:
    container = create_container(redis.url, redis_timeout=0.05)
    redis.mute()
    await asyncio.gather(*(ask(container, "ann", f"What is {n}?") for n in range(100)))
    await container.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_request_never_gets_its_reply_to_another(redis: FaultyRedis) -> None:
    """Nor does it take a connection with it: there are but four."""
    container = create_container(redis.url, redis_timeout=5, redis_connections=4)
    await container.freshness.note_changed(written("ann", "note", "Faith is trust."))
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


async def test_a_process_that_stands_still_does_not_blame_redis(redis: FaultyRedis) -> None:
    """As when the first questions load what they need, and others wait for their replies."""
    container = create_container(redis.url, redis_timeout=0.5)
    await ask(container, "ann", "What is faith?")
    redis.proxy.delay, before = 0.1, redis.proxy.round_trips
    asking = asyncio.create_task(ask(container, "ann", "What is faith?"))
    await until(lambda: redis.proxy.round_trips > before)
    time.sleep(1.5)  # noqa: ASYNC251  # nothing else goes on, either
    await asking
    redis.proxy.delay = 0
    assert (await ask(container, "ann", "What is faith?")).cache == "ok"
    await container.aclose()
