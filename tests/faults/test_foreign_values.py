"""What somebody else wrote under our keys is removed, and troubles nobody."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import cast

import pytest
from redis import Redis as Client

from shared.cache import counters, keyspace
from shared.container import Container
from shared.inference.shared_circuit_state import SharedProbeLock, probe_key
from tests.support.fakes import HashingEmbedder, create_container
from tests.support.main_job import ask, written
from tests.support.redis_faults import FaultyRedis

ASKED = "What is faith?"
KEYS = keyspace.UserKeys.of("ann")
COUNTERS = counters.todays_key(KEYS.partition)
NAMES = {
    "questions": KEYS.questions,
    "answers": KEYS.answers,
    "contexts": KEYS.contexts,
    "counters": COUNTERS,
    "entries": KEYS.entry_counts,
    "embedding": keyspace.embedding(HashingEmbedder.model, "what is faith"),
}


@pytest.fixture
async def container(redis: FaultyRedis) -> AsyncIterator[Container]:
    container = create_container(redis.url, redis_timeout=5)
    for user in ("ann", "bob"):
        await container.freshness.note_changed(written(user, "note", "Faith is trust."))
        await ask(container, user, ASKED)
    yield container
    await container.aclose()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("foreign", ["LPUSH {} x", "SET {} x", "HSET {} x y"])
async def test_a_value_of_another_type_is_removed_and_the_cache_goes_on(
    redis: FaultyRedis, container: Container, name: str, foreign: str
) -> None:
    redis.send(f"DEL {NAMES[name]}")
    redis.send(foreign.format(NAMES[name]))
    for query in (ASKED, "What is hope?"):
        replies = [await ask(container, "ann", query) for _ in range(2)]
        assert [reply.cache for reply in replies] == ["ok", "ok"]
        assert replies[1].tier == "l1"
    assert (await ask(container, "bob", ASKED)).tier == "l1"


@pytest.mark.parametrize("name", ["questions", "answers", "contexts", "counters", "entries"])
async def test_a_note_change_is_done_over_a_value_of_another_type(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    redis.send(f"DEL {NAMES[name]}")
    redis.send(f"SET {NAMES[name]} x")
    await container.freshness.note_changed(written("ann", "note", "Faith is a gift."))
    reply = await ask(container, "ann", ASKED)
    assert reply.answer
    assert "gift" in reply.answer.text


@pytest.mark.parametrize("name", ["questions", "answers", "contexts"])
async def test_damaged_bytes_fail_no_question_and_hide_no_change(
    redis: FaultyRedis, container: Container, name: str
) -> None:
    """Of an entry, they could hide the note that its answer comes from."""
    rng = Random(1)
    client = Client.from_url(redis.server.url)
    for edition in range(200):
        text = f"Faith is trust, says edition {edition}."
        expected = (await ask(container, "ann", ASKED)).answer
        stored = cast("dict[bytes, bytes]", client.hgetall(NAMES[name]))
        for field, value in stored.items():
            place = rng.randrange(len(value))
            damaged = value[:place] + rng.randbytes(1) + value[place + 1 :]
            client.hset(NAMES[name], field.decode(), cast("str", damaged))
        if edition % 2:
            await container.freshness.note_changed(written("ann", "note", text))
        reply = await ask(container, "ann", ASKED)
        assert reply.answer
        assert expected
        wanted = f"what is faith: {text}" if edition % 2 else expected.text
        assert (reply.cache, reply.answer.text) == ("ok", wanted)
    client.close()


async def test_a_damaged_embedding_finds_nothing_and_is_replaced(
    redis: FaultyRedis, container: Container
) -> None:
    """Whoever asks the same words would get other passages by it, and keep their answer."""
    name = NAMES["embedding"]
    with Client.from_url(redis.server.url) as client:
        sound = cast("bytes", client.get(name))
        for place in range(len(sound)):
            damaged = sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1 :]
            client.set(name, damaged, ex=60)
            await ask(container, "ann", ASKED, no_cache=True)
            assert client.get(name) == sound


async def test_a_counter_that_counts_nothing_is_removed_and_the_others_stay(
    redis: FaultyRedis, container: Container
) -> None:
    redis.send(f"HSET {COUNTERS} l1_hits nonsense l1_misses 41")
    assert (await ask(container, "ann", ASKED)).tier == "l1"
    assert redis.send(f"HGET {COUNTERS} l1_hits") == "$1\r\n1\r\n"
    assert redis.send(f"HGET {COUNTERS} l1_misses") == "$2\r\n41\r\n"


YESTERDAY = keyspace.totals((datetime.now(UTC) - timedelta(days=1, hours=1)).date().isoformat())


@pytest.mark.parametrize("name", [COUNTERS, KEYS.entry_counts, YESTERDAY])
@pytest.mark.parametrize(
    "foreign", ["LPUSH {} x", "SET {} x", "HSET {} x y", "HSET {} a499999 nonsense a -3"]
)
async def test_statistics_are_told_over_what_somebody_else_wrote_among_them(
    redis: FaultyRedis, container: Container, name: str, foreign: str
) -> None:
    """It counts nothing, and of the rest nothing is lost: Bob's counters are elsewhere."""
    before = await container.counter_reader.read_snapshot(days=2)
    assert (before.total.answers_generated, before.entries.answers) == (2, 2)
    redis.send(f"DEL {name}")
    redis.send(foreign.format(name))
    told = await container.counter_reader.read_snapshot(days=2)
    assert told.total.answers_generated == (1 if name == COUNTERS else 2)
    assert told.entries.answers == (1 if name == KEYS.entry_counts else 2)
    assert (await ask(container, "ann", ASKED)).tier == "l1"
    again = await container.counter_reader.read_snapshot(days=2)
    assert again.total.exact_hits == before.total.exact_hits + 1


async def test_a_foreign_flight_holds_nobody_up_for_long(
    redis: FaultyRedis, container: Container
) -> None:
    fence = redis.send(f"HGET {KEYS.questions} fence").split("\r\n")[1]
    pipeline = container.pipeline.name
    flight = KEYS.lock(keyspace.question_field("what is hope", pipeline), fence)
    redis.send(f"LPUSH {flight} x")
    assert (await ask(container, "ann", "What is hope?")).cache == "ok"


async def test_a_flight_without_an_end_holds_nobody_up(
    redis: FaultyRedis, container: Container
) -> None:
    """It is none of ours: they end after seconds."""
    fence = redis.send(f"HGET {KEYS.questions} fence").split("\r\n")[1]
    pipeline = container.pipeline.name
    flight = KEYS.lock(keyspace.question_field("what is hope", pipeline), fence)
    redis.send(f"SET {flight} x")
    began = time.monotonic()
    reply = await ask(container, "ann", "What is hope?")
    assert (reply.cache, reply.stored) == ("ok", True)
    assert time.monotonic() - began < 2  # seconds; a flight of ours lasts for three


@pytest.mark.parametrize("foreign", ["SET {} x", "SET {} x EX 9999", "LPUSH {} x"])
async def test_foreign_value_under_the_probe_lock_does_not_block_the_probe(
    redis: FaultyRedis, container: Container, foreign: str
) -> None:
    probe_lock = SharedProbeLock(lambda: container.redis_client)
    redis.send(foreign.format(probe_key("model")))
    assert await probe_lock.acquire("model")
    assert not await probe_lock.acquire("model")
