"""Eviction by Redis: every answer is fresh and no request fails."""

from random import Random

import pytest

from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.redis_faults import FaultyRedis

_MEMORY = 200_000  # bytes, in addition to a server with one cached question


@pytest.mark.parametrize(
    "policy",
    [
        "allkeys-lru",
        pytest.param("volatile-lru", marks=pytest.mark.slow),
        pytest.param("allkeys-random", marks=pytest.mark.slow),
    ],
)
async def test_answers_are_fresh_under_eviction(redis: FaultyRedis, policy: str) -> None:
    container = create_container(redis.url, redis_timeout=5)
    await ask(container, "ann", "Which question comes first?")
    used = int(redis.send("INFO memory").split("used_memory:")[1].split()[0])
    redis.send(f"CONFIG SET maxmemory {used + _MEMORY} maxmemory-policy {policy}")
    users = [f"user {number}" for number in range(40)]
    rng = Random(1)
    for edition in range(3):
        for user in users:
            text = " ".join(f"Edition {edition}: {rng.random()}." for _ in range(150))
            await container.freshness.note_changed(updated(user, "note", text))
            for question in ("What is faith?", "What is hope?"):
                reply = await ask(container, user, question)
                assert reply.answer
                assert (f"Edition {edition}" in reply.answer.text, reply.cache) == (True, "ok")
    # Counters may be evicted too: then they are too low, but never too high.
    snapshot, asked = await container.counter_reader.read_snapshot(), 3 * len(users) * 2 + 1
    assert 0 <= snapshot.total.requests <= asked
    assert 0 <= snapshot.total.answers_generated <= asked
    assert 0 <= snapshot.entries.answers <= len(users) * 2 + 1
    assert "evicted_keys:0\r" not in redis.send("INFO stats"), "nothing was evicted"
    await container.aclose()
