"""What the three tiers promise, on a fake Redis, a real Valkey and a real cluster."""

import asyncio
from dataclasses import replace

import pytest

from shared.cache import index_entries, keyspace
from shared.cache.results import LookupResult
from shared.deadline import deadline_scope
from tests.support.caches import (
    DIMENSIONS,
    PIPELINE,
    Cache,
    a_vector,
    an_answer,
    keys,
    sources,
)

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)


async def test_an_answer_kept_is_found_whole_with_its_sources(cache: Cache) -> None:
    answer = await cache.ask()
    assert await cache.session().lookup() == LookupResult(answer, sources())


async def test_another_users_same_question_is_a_miss(cache: Cache) -> None:
    await cache.ask("ann")
    assert await cache.session("bob").lookup() == LookupResult()


async def test_another_pipelines_answer_is_a_miss(cache: Cache) -> None:
    await cache.ask()
    other = replace(PIPELINE, answered_by="another model")
    assert await cache.session(pipeline=other).lookup() == LookupResult()


async def test_an_embedding_kept_for_one_user_is_found_for_another(cache: Cache) -> None:
    await cache.ask("ann")
    session = cache.session("bob")
    await session.lookup()
    survey = await session.load_miss_context()
    assert survey.vector is not None
    assert survey.vector.tolist() == a_vector(QUESTION).tolist()
    assert survey.candidates == {}


async def test_an_embedding_of_other_dimensions_is_a_miss(cache: Cache) -> None:
    await cache.ask("ann")
    session = cache.session("ann", pipeline=replace(PIPELINE, dimensions=DIMENSIONS + 1))
    await session.lookup()
    assert (await session.load_miss_context()).vector is None


async def test_an_answer_is_not_kept_once_the_notes_have_changed(cache: Cache) -> None:
    session = cache.session()
    await session.lookup()
    await session.load_miss_context()
    await cache.invalidation().rotate_fence("ann")
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())
    assert await cache.session().lookup() == LookupResult()


@pytest.mark.parametrize("asked_meanwhile", [False, True])
async def test_an_answer_is_not_kept_once_its_fence_is_lost(
    cache: Cache, *, asked_meanwhile: bool
) -> None:
    session = cache.session()
    await session.lookup()
    await cache.redis("UNLINK", keys().questions)
    if asked_meanwhile:
        await cache.session(question="what is hope").lookup()
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())


async def test_a_change_where_nothing_is_cached_leaves_nothing_behind(cache: Cache) -> None:
    assert await cache.invalidation().rotate_fence("ann") == {}
    assert await cache.redis("EXISTS", keys().questions) == 0


async def test_a_dropped_question_is_a_miss_and_its_neighbour_still_hits(cache: Cache) -> None:
    await cache.ask()
    neighbour = await cache.ask(question="what is hope")
    index = await cache.invalidation().rotate_fence("ann")
    assert {entry.question for entry in index.values() if entry} == {QUESTION, "what is hope"}
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert await cache.session().lookup() == LookupResult()
    assert (await cache.session(question="what is hope").lookup()).answer == neighbour


async def test_what_is_written_from_a_dropped_context_is_not_kept(cache: Cache) -> None:
    """The asker came between the change's fence and its drop."""
    await cache.ask()
    await cache.invalidation().rotate_fence("ann")
    session = cache.session()
    assert (await session.lookup()).sources == sources()
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())


async def test_so_it_is_where_eviction_was_faster_than_the_drop(cache: Cache) -> None:
    await cache.ask()
    await cache.invalidation().rotate_fence("ann")
    session = cache.session()
    await session.lookup()
    await cache.redis("HDEL", keys().questions, FIELD)
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())


async def test_a_forgotten_user_leaves_no_key(cache: Cache) -> None:
    await cache.ask()
    await cache.invalidation().delete_user("ann")
    mine = keys()
    assert await cache.redis("EXISTS", mine.questions, mine.answers, mine.contexts) == 0


@pytest.mark.parametrize("evicted", ["questions", "answers", "contexts"])
async def test_evicting_any_key_makes_a_miss_and_brings_nothing_back(
    cache: Cache, evicted: str
) -> None:
    await cache.ask()
    await cache.redis("UNLINK", getattr(keys(), evicted))
    assert (await cache.session().lookup()).answer is None
    await cache.invalidation().rotate_fence("ann")
    assert (await cache.session().lookup()).answer is None


async def test_an_answer_is_never_shown_with_another_answers_entry(cache: Cache) -> None:
    """As when the index was evicted, the question answered anew, and the old text came back."""
    await cache.ask()
    old = await cache.redis("HGET", keys().answers, FIELD)
    await cache.redis("UNLINK", keys().questions)
    await cache.ask()
    await cache.redis("HSET", keys().answers, FIELD, old)  # type: ignore[arg-type]  # bytes
    assert (await cache.session().lookup()).answer is None


async def test_a_context_outlives_its_answer_and_serves_the_next_one(cache: Cache) -> None:
    await cache.ask()
    await cache.redis("UNLINK", keys().answers)
    assert await cache.session().lookup() == LookupResult(None, sources())


async def test_a_context_that_is_no_longer_fresh_serves_no_new_answer(cache: Cache) -> None:
    await cache.with_settings(context_ttl=1).ask()
    await cache.redis("UNLINK", keys().answers)
    await asyncio.sleep(1.05)
    assert await cache.session().lookup() == LookupResult()


async def test_an_answer_still_shows_a_context_that_is_no_longer_fresh(cache: Cache) -> None:
    answer = await cache.with_settings(context_ttl=1).ask()
    await asyncio.sleep(1.05)
    assert await cache.session().lookup() == LookupResult(answer, sources())


async def test_an_answer_past_its_time_is_a_miss_and_removed(cache: Cache) -> None:
    short = cache.with_settings(answer_ttl=1, context_ttl=1, stale_if_error_seconds=0)
    await short.ask()
    await cache.redis("EXPIRE", keys().questions, 60)
    await asyncio.sleep(1.05)
    assert await short.session().lookup() == LookupResult()
    assert await cache.redis("HEXISTS", keys().questions, FIELD) == 0


async def test_a_context_kept_alone_saves_the_search_of_the_next_try(cache: Cache) -> None:
    session = cache.session()
    await session.lookup()
    await session.load_miss_context()
    assert await session.store(a_vector(QUESTION), sources(), None)
    assert await cache.session().lookup() == LookupResult(None, sources())


async def test_a_context_kept_alone_does_not_push_out_an_answer(cache: Cache) -> None:
    answer = await cache.ask()
    session = cache.session()
    await session.lookup(only_fence=True)
    await session.load_miss_context()
    assert not await session.store(a_vector(QUESTION), sources(), None)
    assert (await cache.session().lookup()).answer == answer


@pytest.mark.parametrize("where", ["questions", "answers", "contexts"])
@pytest.mark.parametrize("garbage", [b"", b"\xff\x00garbage", b"2" + b"x" * 60])
async def test_an_entry_that_does_not_decode_is_a_miss_and_removed(
    cache: Cache, where: str, garbage: bytes
) -> None:
    await cache.ask()
    await cache.redis("HSET", getattr(keys(), where), FIELD, garbage)
    assert (await cache.session().lookup()).answer is None
    assert await cache.redis("HEXISTS", getattr(keys(), where), FIELD) == 0
    answer = await cache.ask()
    assert (await cache.session().lookup()).answer == answer


async def test_an_entry_of_another_version_is_a_miss_and_removed(cache: Cache) -> None:
    await cache.ask()
    entry = await cache.redis("HGET", keys().questions, FIELD)
    assert isinstance(entry, bytes)
    await cache.redis("HSET", keys().questions, FIELD, b"0" + entry[1:])
    assert await cache.session().lookup() == LookupResult()
    assert await cache.redis("HEXISTS", keys().questions, FIELD) == 0


async def test_a_collision_of_hashes_is_a_miss(cache: Cache) -> None:
    await cache.ask()
    entry = await cache.redis("HGET", keys().questions, FIELD)
    assert isinstance(entry, bytes)
    decoded = index_entries.decode(entry)
    assert decoded is not None
    other = index_entries.encode(replace(decoded, question="another of the same hash"))
    await cache.redis("HSET", keys().questions, FIELD, other)
    assert await cache.session().lookup() == LookupResult()


async def test_every_key_has_a_time_to_live(cache: Cache) -> None:
    await cache.ask()
    await cache.session("bob").lookup()
    await cache.session("bob").load_miss_context()
    for key in await cache.scan():
        assert await cache.redis("TTL", key) != -1, key


async def test_the_oldest_question_leaves_when_there_are_too_many(cache: Cache) -> None:
    small = cache.with_settings(max_questions=3)
    for ttl, number in enumerate(range(5), start=1000):
        await small.with_settings(answer_ttl=ttl).ask(question=f"question {number}")
    found = [
        (await small.session(question=f"question {number}").lookup()).answer is not None
        for number in range(5)
    ]
    assert found == [False, False, True, True, True]
    assert await cache.redis("HLEN", keys().answers) == 3
    assert await cache.redis("HLEN", keys().contexts) == 3


async def test_one_asker_answers_and_the_other_waits_for_that_answer(cache: Cache) -> None:
    first, second = cache.session(), cache.session()
    await first.lookup()
    await second.lookup()
    assert (await first.load_miss_context()).lock_acquired
    assert not (await second.load_miss_context()).lock_acquired
    with deadline_scope(5):
        waiting = asyncio.create_task(second.wait_for_leader())
    answer = an_answer()
    async with first.hold_lock():
        await first.store(a_vector(QUESTION), sources(), answer)
    assert (await waiting).answer == answer


async def test_a_flight_that_fails_lets_the_next_one_take_off(cache: Cache) -> None:
    first, second = cache.session(), cache.session()
    for session in (first, second):
        await session.lookup()
    await first.load_miss_context()
    with pytest.raises(RuntimeError):
        async with first.hold_lock():
            raise RuntimeError
    assert (await second.load_miss_context()).lock_acquired


async def test_whoever_asks_after_a_change_does_not_join_a_flight_from_before(
    cache: Cache,
) -> None:
    first = cache.session()
    await first.lookup()
    assert (await first.load_miss_context()).lock_acquired
    await cache.invalidation().rotate_fence("ann")
    second = cache.session()
    await second.lookup()
    assert (await second.load_miss_context()).lock_acquired


async def test_hits_misses_and_money_are_counted_with_the_round_trips_there_are(
    cache: Cache,
) -> None:
    await cache.ask()
    for _ in range(3):
        await cache.session().lookup()
    counted: dict[bytes, bytes] = {}
    for key in await cache.scan():
        if b":counters:" in key:  # the user's, and the embedding's
            found = await cache.redis("HGETALL", key)
            assert isinstance(found, dict)
            counted |= found
    assert counted == {
        b"outcome_none": b"1",
        b"l1_hits": b"3",
        b"l1_misses": b"1",
        b"l1_stores": b"1",
        b"l2_misses": b"1",
        b"l2_stores": b"1",
        b"l3_misses": b"1",
        b"l3_stores": b"1",
        b"saved_nanodollars": b"780000",
        b"spent_nanodollars": b"260000",
    }


async def test_a_server_that_lost_its_scripts_is_given_them_again(cache: Cache) -> None:
    answer = await cache.ask()
    await cache.lose_scripts()
    assert (await cache.session().lookup()).answer == answer


async def test_a_command_without_a_key_is_for_any_server(cache: Cache) -> None:
    assert await cache.redis("PING")
