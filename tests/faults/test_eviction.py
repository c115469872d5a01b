"""Redis evicts whatever it likes: answers stay fresh, and none fails."""

from random import Random

import pytest

from tests.support.fakes import create_container
from tests.support.main_job import ask, written
from tests.support.redis_faults import FaultyRedis

_ROOM = 200_000  # bytes beyond what the server takes with one question cached


@pytest.mark.parametrize(
    "policy",
    [
        "allkeys-lru",
        pytest.param("volatile-lru", marks=pytest.mark.slow),
        pytest.param("allkeys-random", marks=pytest.mark.slow),
    ],
)
async def test_under_eviction_every_answer_is_of_the_note_as_it_is(
    redis: FaultyRedis, policy: str
) -> None:
    container = create_container(redis.url, redis_timeout=5)
    await ask(container, "ann", "What takes memory at the first question?")
    used = int(redis.send("INFO memory").split("used_memory:")[1].split()[0])
    redis.send(f"CONFIG SET maxmemory {used + _ROOM} maxmemory-policy {policy}")
    users = [f"user {number}" for number in range(40)]
    rng = Random(1)
    for edition in range(3):
        for user in users:
            text = f"Edition {edition}: {' '.join(str(rng.random()) for _ in range(150))}"
            await container.freshness.note_changed(written(user, "note", text))
            for question in ("What is faith?", "What is hope?"):
                reply = await ask(container, user, question)
                assert reply.answer
                assert (f"Edition {edition}" in reply.answer.text, reply.cache) == (True, "ok")
    # Counters may be evicted, too: then they count less, never what did not happen.
    told, asked = await container.counter_reader.read_snapshot(), 3 * len(users) * 2 + 1
    assert 0 <= told.total.requests <= asked
    assert 0 <= told.total.answers_generated <= asked
    assert 0 <= told.entries.answers <= len(users) * 2 + 1
    assert "evicted_keys:0\r" not in redis.send("INFO stats"), "there was room for everything"
    await container.aclose()
