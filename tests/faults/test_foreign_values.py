"""Foreign and corrupt values under our keys are deleted and fail no request."""

from collections.abc import AsyncIterator
from random import Random
from typing import cast

import pytest
from redis import Redis as Client

from shared.cache import counters, keyspace
from shared.container import Container
from shared.inference.shared_circuit_state import SharedProbeLock, breaker_keys
from tests.support.fakes import create_container
from tests.support.full_stack import ask, updated
from tests.support.redis_faults import FaultyRedis

ASKED = "What is faith?"
KEYS = keyspace.UserKeys.of("ann")
COUNTERS = counters.counter_keys(KEYS.partition)[1]
PROFILE = create_container("redis://unused").embedding_profile.text
NAMES = {
    "questions": KEYS.questions,
    "answers": KEYS.answers,
    "contexts": KEYS.contexts,
    "counters": COUNTERS,
    "entries": keyspace.entry_counts_key(KEYS.partition),
    "embedding": keyspace.embedding_key(PROFILE, "what is faith"),
}


@pytest.fixture
async def container(redis: FaultyRedis) -> AsyncIterator[Container]:
    container = create_container(redis.url, redis_timeout=5)
    for user in ("ann", "bob"):
        await container.freshness.note_changed(updated(user, "note", "Faith is trust."))
        await ask(container, user, ASKED)
    yield container
    await container.aclose()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("foreign", ["LPUSH {} x", "SET {} x", "HSET {} x y"])
async def test_value_of_another_type_is_deleted(
    redis: FaultyRedis, container: Container, name: str, foreign: str
) -> None:
    redis.send(f"DEL {NAMES[name]}")
    redis.send(foreign.format(NAMES[name]))
    for query in (ASKED, "What is hope?"):
        replies = [await ask(container, "ann", query) for _ in range(2)]
        assert [reply.cache for reply in replies] == ["ok", "ok"]
        assert replies[1].tier == "l1"
    assert (await ask(container, "bob", ASKED)).tier == "l1"


@pytest.mark.parametrize("name", ["questions", "answers", "counters", "entries"])
async def test_foreign_value_is_deleted_by_a_server_that_lost_its_scripts(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    redis.send(f"DEL {NAMES[name]}")
    redis.send(f"SET {NAMES[name]} x")
    redis.send("SCRIPT FLUSH")
    replies = [await ask(container, "ann", ASKED) for _ in range(2)]
    assert [reply.cache for reply in replies] == ["ok", "ok"]
    assert replies[1].tier == "l1"


@pytest.mark.parametrize("name", ["questions", "answers", "contexts", "counters", "entries"])
async def test_note_change_replaces_a_value_of_another_type(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    redis.send(f"DEL {NAMES[name]}")
    redis.send(f"SET {NAMES[name]} x")
    await container.freshness.note_changed(updated("ann", "note", "Faith is a gift."))
    reply = await ask(container, "ann", ASKED)
    assert reply.answer
    assert "gift" in reply.answer.text


@pytest.mark.parametrize("name", ["questions", "answers", "contexts"])
async def test_corrupt_bytes_fail_no_request_and_hide_no_note_change(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    """A corrupt entry could hide which notes its answer used."""
    rng = Random(1)
    client = Client.from_url(redis.server.url)
    for edition in range(200):
        text = f"Faith is trust, edition {edition}."
        expected = (await ask(container, "ann", ASKED)).answer
        stored = cast("dict[bytes, bytes]", client.hgetall(NAMES[name]))
        for field, value in stored.items():
            place = rng.randrange(len(value))
            corrupt = value[:place] + rng.randbytes(1) + value[place + 1 :]
            client.hset(NAMES[name], field.decode(), cast("str", corrupt))
        if edition % 2:
            await container.freshness.note_changed(updated("ann", "note", text))
        reply = await ask(container, "ann", ASKED)
        assert reply.answer
        assert expected
        wanted = f"{ASKED}: {text}" if edition % 2 else expected.text
        assert (reply.cache, reply.answer.text) == ("ok", wanted)
    client.close()


async def test_corrupt_embedding_is_a_miss_and_replaced(
    redis: FaultyRedis, container: Container
) -> None:
    """A corrupt embedding would find other passages for every user with this question."""
    name = NAMES["embedding"]
    with Client.from_url(redis.server.url) as client:
        intact = cast("bytes", client.get(name))
        for place in range(len(intact)):
            corrupt = intact[:place] + bytes([intact[place] ^ 4]) + intact[place + 1 :]
            client.set(name, corrupt, ex=60)
            await ask(container, "ann", ASKED, no_cache=True)
            assert client.get(name) == intact


async def test_counter_that_is_no_integer_is_deleted(
    redis: FaultyRedis, container: Container
) -> None:
    redis.send(f"HSET {COUNTERS} l1_hits nonsense l1_misses 41")
    assert (await ask(container, "ann", ASKED)).tier == "l1"
    assert redis.send(f"HGET {COUNTERS} l1_hits") == "$1\r\n1\r\n"
    assert redis.send(f"HGET {COUNTERS} l1_misses") == "$2\r\n41\r\n"


TOTAL, ENTRIES = keyspace.counters_key(KEYS.partition), keyspace.entry_counts_key(KEYS.partition)


@pytest.mark.parametrize("name", [COUNTERS, TOTAL, ENTRIES])
@pytest.mark.parametrize(
    "foreign", ["LPUSH {} x", "SET {} x", "HSET {} x y", "HSET {} a499999 nonsense a -3"]
)
async def test_statistics_are_read_despite_foreign_values(
    redis: FaultyRedis, container: Container, name: str, foreign: str
) -> None:
    """A foreign value counts as 0. Bob's counters are in another partition."""
    before = await container.counter_reader.read_snapshot(days=2)
    assert (before.total.answers_generated, before.entries.answers) == (2, 2)
    redis.send(f"DEL {name}")
    redis.send(foreign.format(name))
    during = await container.counter_reader.read_snapshot(days=2)
    assert during.total.answers_generated == (1 if name == TOTAL else 2)
    assert during.entries.answers == (1 if name == ENTRIES else 2)
    assert (await ask(container, "ann", ASKED)).tier == "l1"
    after = await container.counter_reader.read_snapshot(days=2)
    assert after.total.exact_hits == before.total.exact_hits + 1


def lock_key(redis: FaultyRedis, container: Container) -> str:
    """The single-flight lock of "What is hope?" by the user's current fence."""
    fence = redis.send(f"HGET {KEYS.questions} fence").split("\r\n")[1]
    return KEYS.lock(keyspace.question_field("what is hope", container.pipeline.name), fence)


async def test_foreign_value_under_the_lock_key_does_not_block_a_request(
    redis: FaultyRedis, container: Container
) -> None:
    redis.send(f"LPUSH {lock_key(redis, container)} x")
    assert (await ask(container, "ann", "What is hope?")).cache == "ok"


async def test_lock_without_an_expiry_does_not_block_a_request(
    redis: FaultyRedis, container: Container
) -> None:
    """Every lock of ours has an expiry of seconds."""
    redis.send(f"SET {lock_key(redis, container)} x")
    redis.proxy.reset()
    reply = await ask(container, "ann", "What is hope?")
    assert (reply.cache, reply.stored) == ("ok", True)
    assert redis.proxy.round_trips == 3, "it polled for the answer of the lock's holder"


@pytest.mark.parametrize("foreign", ["SET {} x", "SET {} x EX 9999", "LPUSH {} x"])
async def test_foreign_value_under_the_probe_lock_does_not_block_the_probe(
    redis: FaultyRedis, container: Container, foreign: str
) -> None:
    probe_lock = SharedProbeLock(lambda: container.redis_client)
    redis.send(foreign.format(breaker_keys("model").lock))
    assert await probe_lock.acquire("model")
    assert not await probe_lock.acquire("model")
