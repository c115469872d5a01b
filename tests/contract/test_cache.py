"""Contract of the three cache tiers, on fakeredis, a Valkey server and a Valkey cluster."""

import asyncio
from dataclasses import replace

import pytest

from shared.cache import index_entries, keyspace
from shared.cache.pipeline_id import PipelineId
from shared.cache.results import LookupResult
from shared.deadline import deadline_scope
from shared.settings import Settings
from tests.support.caches import (
    DIMENSIONS,
    PIPELINE,
    Cache,
    a_vector,
    an_answer,
    keys,
    sources,
)
from tests.support.clock import Clock

QUESTION = "what is faith"
FIELD = keyspace.question_field(QUESTION, PIPELINE.name)


async def test_lookup_returns_a_stored_answer_with_its_sources(cache: Cache) -> None:
    answer = await cache.ask()
    found = await cache.session().lookup()
    assert (found.answer, found.sources) == (answer, sources())


async def test_lookup_misses_another_users_answer(cache: Cache) -> None:
    await cache.ask("ann")
    assert await cache.session("bob").lookup() == LookupResult()


async def test_lookup_misses_another_pipelines_answer(cache: Cache) -> None:
    await cache.ask()
    other = replace(PIPELINE, answered_by="another model")
    assert await cache.session(pipeline=other).lookup() == LookupResult()


ROMANS, BIBLE = PIPELINE.with_tags(("romans",)), PIPELINE.with_tags(("bible", "romans"))


@pytest.mark.parametrize("asked", [PIPELINE, ROMANS, BIBLE])
@pytest.mark.parametrize("cached", [PIPELINE, ROMANS, BIBLE])
async def test_questions_share_answers_and_matches_only_with_the_same_tags(
    cache: Cache, cached: PipelineId, asked: PipelineId
) -> None:
    answer = await cache.ask("ann", QUESTION, cached)
    same = cache.session("ann", QUESTION, asked)
    found = await same.lookup()
    assert found.answer == (answer if asked == cached else None)
    assert found.sources is None or asked == cached
    context = await same.load_miss_context()
    assert context.vector is not None, "the embedding does not depend on the tags"
    other = cache.session("ann", "define faith", asked)
    await other.lookup()
    candidates = (await other.load_miss_context()).matchable_entries
    assert len(candidates) == (asked == cached)
    assert [entry.tags for _, entry in candidates.items()] == [asked.tags] * len(candidates)


async def test_questions_with_other_tags_have_other_locks(cache: Cache) -> None:
    for pipeline, acquires in (PIPELINE, True), (ROMANS, True), (BIBLE, True), (ROMANS, False):
        session = cache.session("ann", QUESTION, pipeline)
        await session.lookup()
        assert (await session.load_miss_context()).may_generate == acquires


@pytest.mark.parametrize("tags", [(), ("bible", "romans")])
def test_entry_with_and_without_tags_is_decoded_as_encoded(tags: tuple[str, ...]) -> None:
    settings = Settings()
    pipeline = PIPELINE.with_tags(tags)
    entry = index_entries.new_entry(
        QUESTION, a_vector(QUESTION), sources(), an_answer(), pipeline=pipeline, settings=settings
    )
    assert index_entries.decode(index_entries.encode(entry)) == entry
    assert entry.tags == tags


async def test_embedding_stored_by_one_user_is_loaded_by_another(cache: Cache) -> None:
    await cache.ask("ann")
    session = cache.session("bob")
    await session.lookup()
    context = await session.load_miss_context()
    assert context.vector is not None
    assert context.vector.tolist() == a_vector(QUESTION).tolist()
    assert not context.matchable_entries


async def test_embedding_of_other_dimensions_is_a_miss(cache: Cache) -> None:
    await cache.ask("ann")
    session = cache.session("ann", pipeline=replace(PIPELINE, dimensions=DIMENSIONS + 1))
    await session.lookup()
    assert (await session.load_miss_context()).vector is None


async def test_store_is_refused_after_a_note_change(cache: Cache) -> None:
    session = cache.session()
    await session.lookup()
    await session.load_miss_context()
    await cache.invalidation().rotate_fence("ann")
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())
    assert await cache.session().lookup() == LookupResult()


@pytest.mark.parametrize("other_question", [False, True])
async def test_store_is_refused_after_the_fence_was_evicted(
    cache: Cache, *, other_question: bool
) -> None:
    session = cache.session()
    await session.lookup()
    await cache.redis("UNLINK", keys().questions)
    if other_question:
        await cache.session(question="what is hope").lookup()
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())


async def test_rotate_fence_creates_no_key_for_a_user_without_a_cache(cache: Cache) -> None:
    assert await cache.invalidation().rotate_fence("ann") == {}
    assert await cache.redis("EXISTS", keys().questions) == 0


async def test_drop_entries_keeps_other_questions(cache: Cache) -> None:
    await cache.ask()
    other = await cache.ask(question="what is hope")
    index = await cache.invalidation().rotate_fence("ann")
    assert {entry.question for entry in index.values() if entry} == {QUESTION, "what is hope"}
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert await cache.session().lookup() == LookupResult()
    assert (await cache.session(question="what is hope").lookup()).answer == other


async def test_answer_from_a_dropped_context_is_not_stored(cache: Cache) -> None:
    """The request read the context between `rotate_fence` and `drop_entries`."""
    await cache.ask()
    await cache.invalidation().rotate_fence("ann")
    session = cache.session()
    assert (await session.lookup()).sources == sources()
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())


async def test_answer_from_an_evicted_context_is_not_stored_after_a_drop(cache: Cache) -> None:
    await cache.ask()
    await cache.invalidation().rotate_fence("ann")
    session = cache.session()
    await session.lookup()
    await cache.redis("HDEL", keys().questions, FIELD)
    await cache.invalidation().drop_entries("ann", [FIELD])
    assert not await session.store(a_vector(QUESTION), sources(), an_answer())


async def test_delete_user_leaves_no_key(cache: Cache) -> None:
    await cache.ask()
    await cache.invalidation().delete_user("ann")
    hashes = keys().questions, keys().answers, keys().contexts
    assert await cache.redis("EXISTS", *hashes) == 0


@pytest.mark.parametrize("evicted", ["questions", "answers"])
async def test_eviction_of_a_key_is_a_miss(cache: Cache, evicted: str) -> None:
    await cache.ask()
    await cache.redis("UNLINK", getattr(keys(), evicted))
    assert (await cache.session().lookup()).answer is None
    await cache.invalidation().rotate_fence("ann")
    assert (await cache.session().lookup()).answer is None


async def test_answer_of_another_id_than_its_entry_is_a_miss(cache: Cache) -> None:
    """For example, a former value returns after the index was evicted and stored again."""
    await cache.ask()
    old = await cache.redis("HGET", keys().answers, FIELD)
    await cache.redis("UNLINK", keys().questions)
    await cache.ask()
    await cache.redis("HSET", keys().answers, FIELD, old)  # type: ignore[arg-type]  # bytes
    assert (await cache.session().lookup()).answer is None


async def test_lookup_ignores_an_expired_context(cache: Cache, clock: Clock) -> None:
    await store_context(cache.with_settings(context_ttl=60, answer_ttl=60))
    assert (await cache.session().lookup()).sources == sources()
    clock.ahead += 61
    assert await cache.session().lookup() == LookupResult()


async def test_lookup_returns_an_answer_with_an_expired_context(cache: Cache, clock: Clock) -> None:
    answer = await cache.with_settings(context_ttl=60).ask()
    clock.ahead += 61
    found = await cache.session().lookup()
    assert (found.answer, found.sources) == (answer, sources())


async def test_expired_answer_is_a_miss_and_deleted(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=60, context_ttl=60, stale_if_error_seconds=0)
    await short.ask()
    await cache.redis("EXPIRE", keys().questions, 600)
    clock.ahead += 61
    assert await short.session().lookup() == LookupResult()
    assert await cache.redis("HEXISTS", keys().questions, FIELD) == 0


async def store_context(cache: Cache) -> None:
    session = cache.session()
    await session.lookup()
    await session.load_miss_context()
    assert await session.store(a_vector(QUESTION), sources(), None)


async def test_context_without_an_answer_is_stored(cache: Cache) -> None:
    await store_context(cache)
    assert await cache.session().lookup() == LookupResult(None, sources())


async def test_question_has_an_answer_or_a_context(cache: Cache) -> None:
    """The answer replaces the context, so no text is stored twice."""
    await store_context(cache)
    assert await cache.redis("HEXISTS", keys().answers, FIELD) == 0
    answer = await cache.ask()
    assert await cache.redis("HEXISTS", keys().contexts, FIELD) == 0
    found = await cache.session().lookup()
    assert (found.answer, found.sources) == (answer, sources())


async def test_context_without_an_answer_does_not_replace_an_answer(cache: Cache) -> None:
    answer = await cache.ask()
    session = cache.session()
    await session.lookup(only_fence=True)
    await session.load_miss_context()
    assert not await session.store(a_vector(QUESTION), sources(), None)
    assert (await cache.session().lookup()).answer == answer


@pytest.mark.parametrize("where", ["questions", "answers", "contexts"])
@pytest.mark.parametrize("corrupt", [b"", b"\xff\x00corrupt", b"3" + b"x" * 60])
async def test_corrupt_value_is_a_miss_and_deleted(
    cache: Cache, where: str, corrupt: bytes
) -> None:
    await (store_context(cache) if where == "contexts" else cache.ask())
    await cache.redis("HSET", getattr(keys(), where), FIELD, corrupt)
    assert await cache.session().lookup() == LookupResult()
    assert await cache.redis("HEXISTS", getattr(keys(), where), FIELD) == 0
    answer = await cache.ask()
    assert (await cache.session().lookup()).answer == answer


async def test_entry_of_another_version_is_a_miss_and_deleted(cache: Cache) -> None:
    await cache.ask()
    entry = await cache.redis("HGET", keys().questions, FIELD)
    assert isinstance(entry, bytes)
    await cache.redis("HSET", keys().questions, FIELD, b"0" + entry[1:])
    assert await cache.session().lookup() == LookupResult()
    assert await cache.redis("HEXISTS", keys().questions, FIELD) == 0


async def test_entry_of_another_question_is_a_miss(cache: Cache) -> None:
    await cache.ask()
    entry = await cache.redis("HGET", keys().questions, FIELD)
    assert isinstance(entry, bytes)
    decoded = index_entries.decode(entry)
    assert decoded is not None
    other = index_entries.encode(decoded._replace(question="another question with the same hash"))
    await cache.redis("HSET", keys().questions, FIELD, other)
    assert await cache.session().lookup() == LookupResult()


async def test_every_key_has_a_ttl(cache: Cache) -> None:
    await cache.ask()
    await cache.session("bob").lookup()
    await cache.session("bob").load_miss_context()
    for key in await cache.scan():
        assert await cache.redis("TTL", key) != -1, key


async def test_waiting_request_gets_the_answer_of_the_lock_holder(cache: Cache) -> None:
    first, second = cache.session(), cache.session()
    await first.lookup()
    await second.lookup()
    assert (await first.load_miss_context()).may_generate
    assert not (await second.load_miss_context()).may_generate
    with deadline_scope(5):
        waiting = asyncio.create_task(second.wait_for_holder())
    answer = an_answer()
    async with first.hold_lock():
        await first.store(a_vector(QUESTION), sources(), answer)
    assert (await waiting).answer == answer


async def test_lock_is_released_when_its_holder_fails(cache: Cache) -> None:
    first, second = cache.session(), cache.session()
    for session in (first, second):
        await session.lookup()
    await first.load_miss_context()
    with pytest.raises(RuntimeError):
        async with first.hold_lock():
            raise RuntimeError
    assert (await second.load_miss_context()).may_generate


async def test_lock_from_before_a_note_change_does_not_block_later_requests(
    cache: Cache,
) -> None:
    first = cache.session()
    await first.lookup()
    assert (await first.load_miss_context()).may_generate
    await cache.invalidation().rotate_fence("ann")
    second = cache.session()
    await second.lookup()
    assert (await second.load_miss_context()).may_generate


async def test_hits_misses_and_costs_are_counted(
    cache: Cache,
) -> None:
    await cache.ask()
    for _ in range(3):
        await cache.session().lookup()
    counted: dict[bytes, bytes] = {}
    for key in await cache.scan():
        if b":counters:" in key:  # of the user's partition and the embedding's
            counted |= await cache.read_hash(key)
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


async def test_scripts_are_loaded_again_after_a_script_flush(cache: Cache) -> None:
    answer = await cache.ask()
    await cache.lose_scripts()
    assert (await cache.session().lookup()).answer == answer


async def test_command_without_a_key_goes_to_any_server(cache: Cache) -> None:
    assert await cache.redis("PING")
