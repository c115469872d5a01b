"""Hits of cached answers, the TTL that grows with them, and what a full index drops."""

import time
from datetime import date

import pytest

from shared.cache import index_entries, keyspace
from shared.cache.counter_reader import CounterReader
from shared.cache.index_entries import Entry
from shared.cache.results import LookupResult
from shared.local_day import Day
from tests.support.caches import PIPELINE, Cache, a_vector, an_answer, keys, sources
from tests.support.clock import Clock

QUESTION, OTHER = "what is faith", "define faith"
HOUR, DAY = 3_600, 86_400
BUCKETS = (0, 0), (1, 1), (2, 4), (5, 9), (10, 10**6)
"""The numbers of hits by which answers are counted."""


async def index_of(cache: Cache) -> dict[str, Entry]:
    """Return the entries by question."""
    index = await cache.read_hash(keys().questions)
    entries = index_entries.decode_index(index.items()).values()
    return {entry.question: entry for entry in entries if entry}


async def entry_of(cache: Cache, question: str = QUESTION) -> Entry:
    return (await index_of(cache))[question]


async def hit(cache: Cache, question: str = QUESTION, *, times: int = 1) -> None:
    for _ in range(times):
        assert (await cache.session(question=question).lookup()).answer


async def drop(cache: Cache, *, is_pending: bool = True) -> None:
    """Drop the only answer, as a note change does."""
    invalidation = cache.invalidation()
    index = await invalidation.rotate_fence("ann")
    pending = {field: index_entries.new_pending(entry) for field, entry in index.items() if entry}
    await invalidation.drop_entries("ann", index, pending=pending if is_pending else None)


async def match(cache: Cache, question: str = OTHER) -> None:
    """Store an alias of the answer to `QUESTION`."""
    session = cache.session(question=question)
    await session.lookup()
    entries = (await session.load_miss_context()).matchable_entries
    (target,) = (item for item in entries.items() if item[1].question == QUESTION)
    assert await session.store_alias(a_vector(question), sources(), target, 0.93)


async def test_lookup_counts_hits_and_the_time_of_the_last_one(cache: Cache, clock: Clock) -> None:
    await cache.ask()
    new = await entry_of(cache)
    assert new.hits == 0
    assert new.last_used == pytest.approx(time.time(), abs=5)
    clock.ahead += HOUR
    await hit(cache, times=3)
    entry = await entry_of(cache)
    assert entry.hits == 3
    assert entry.last_used == pytest.approx(new.last_used + HOUR, abs=5)
    unused = entry._replace(hits=0, last_used=new.last_used, expires=new.expires)
    assert unused == new, "nothing else changes"


@pytest.mark.parametrize("purpose", ["fence", "stale"])
async def test_lookup_that_is_no_hit_is_not_counted(cache: Cache, purpose: str) -> None:
    await cache.ask()
    session = cache.session()
    await (session.lookup(only_fence=True) if purpose == "fence" else session.get_stale())
    assert (await entry_of(cache)).hits == 0


async def test_note_change_reads_the_hits_of_each_entry(cache: Cache) -> None:
    await cache.ask()
    await cache.ask(question="what is hope")
    await hit(cache, times=2)
    index = await cache.invalidation().rotate_fence("ann")
    assert {entry.question: entry.hits for entry in index.values() if entry} == {
        QUESTION: 2,
        "what is hope": 0,
    }


async def test_new_answer_has_no_hits(cache: Cache) -> None:
    await cache.ask()
    await hit(cache)
    await cache.redis("HDEL", keys().questions, keyspace.question_field(QUESTION, PIPELINE.name))
    await cache.ask()
    assert (await entry_of(cache)).hits == 0


async def test_ttl_doubles_with_each_hit_up_to_the_maximum(cache: Cache) -> None:
    await cache.ask()
    start = (await entry_of(cache)).last_used
    days = []
    for _ in range(5):
        days.append(((await entry_of(cache)).expires - start) / DAY)
        await hit(cache)
    assert days == [1, 2, 4, 7, 7]


@pytest.mark.parametrize(("hits", "days"), [(0, 1), (1, 2), (2, 4), (5, 7)])
async def test_answer_to_a_pending_question_begins_with_the_hits_of_the_dropped_one(
    cache: Cache, clock: Clock, hits: int, days: int
) -> None:
    await cache.ask()
    await hit(cache, times=hits)
    await drop(cache)
    clock.ahead += HOUR
    session = cache.session()
    await session.lookup()
    await session.load_miss_context()
    expires = await session.store(a_vector(QUESTION), sources(), an_answer())
    entry = await entry_of(cache)
    assert (entry.hits, entry.expires) == (hits, entry.last_used + days * DAY)
    assert expires == entry.expires
    ttls = [await cache.redis("TTL", key) for key in (keys().questions, keys().answers)]
    lives = days * DAY + cache.settings.stale_if_error_seconds
    assert ttls == pytest.approx([lives] * 2, abs=5)
    counted = (await CounterReader(cache.redis_client).read_snapshot()).entries.answers_by_hits
    assert counted == tuple(int(least <= hits <= most) for least, most in BUCKETS)
    await hit(cache)
    assert (await entry_of(cache)).expires == entry.last_used + min(2 * days, 7) * DAY


async def test_hits_are_not_carried_over_unless_the_question_is_pending(
    cache: Cache, clock: Clock
) -> None:
    """If no answer to it is to be generated again, or the dropped answer would have expired."""
    for is_pending, ahead in ((False, 0), (True, 2 * DAY)):
        await cache.ask()
        await hit(cache)
        await drop(cache, is_pending=is_pending)
        clock.ahead += ahead
        await cache.ask()
        assert (await entry_of(cache)).hits == 0


async def test_carried_hits_extend_no_answer_beyond_its_day(cache: Cache) -> None:
    ends = int(time.time()) + 2 * HOUR
    today = PIPELINE.on_day(Day(date(2026, 11, 27), ends))
    short = cache.with_settings(answer_ttl=HOUR)
    await short.ask(pipeline=today)
    for _ in range(5):
        assert (await short.session(pipeline=today).lookup()).answer
    await drop(short)
    await short.ask(pipeline=today)
    entry = await entry_of(short)
    assert (entry.hits, entry.expires) == (5, ends)


@pytest.mark.parametrize("maximum", [0, HOUR, DAY])
async def test_ttl_does_not_grow_if_the_maximum_is_no_longer(cache: Cache, maximum: int) -> None:
    fixed = cache.with_settings(answer_ttl_max=maximum)
    await fixed.ask()
    before = await entry_of(fixed)
    await hit(fixed, times=3)
    assert (await entry_of(fixed)).expires == before.expires == before.last_used + DAY


async def test_answer_that_is_hit_all_the_time_expires_at_the_maximum(
    cache: Cache, clock: Clock
) -> None:
    await cache.ask()
    for _ in range(27):
        clock.ahead += 6 * HOUR
        await hit(cache)
    clock.ahead += 6 * HOUR
    assert (await cache.session().lookup()).answer is None


async def test_answer_of_a_day_expires_with_the_day(cache: Cache, clock: Clock) -> None:
    ends = int(time.time()) + 8 * HOUR
    today = PIPELINE.on_day(Day(date(2026, 11, 27), ends))
    await cache.with_settings(answer_ttl=HOUR).ask(pipeline=today)
    for _ in range(9):
        assert (await cache.session(pipeline=today).lookup()).answer
    assert (await entry_of(cache)).expires == ends
    clock.ahead += 8 * HOUR + 1
    assert (await cache.session(pipeline=today).lookup()).answer is None


async def test_keys_live_as_long_as_the_answer(cache: Cache) -> None:
    short = cache.with_settings(answer_ttl=HOUR, stale_if_error_seconds=60)
    await short.ask()
    await hit(short, times=2)
    await short.ask(question="what is hope")
    for key in (keys().questions, keys().answers):
        assert await cache.redis("TTL", key) == pytest.approx(4 * HOUR + 60, abs=5)


async def test_alias_ends_with_its_target_and_counts_hits_of_both(
    cache: Cache, clock: Clock
) -> None:
    await cache.ask()
    await match(cache)
    assert ((await entry_of(cache)).hits, (await entry_of(cache, OTHER)).hits) == (1, 0)
    await hit(cache, OTHER)
    assert ((await entry_of(cache)).hits, (await entry_of(cache, OTHER)).hits) == (2, 1)
    clock.ahead += 4 * DAY - 60
    assert (await cache.session(question=OTHER).lookup()).answer
    await cache.redis("HDEL", keys().questions, keyspace.question_field(QUESTION, PIPELINE.name))
    assert await cache.session(question=OTHER).lookup() == LookupResult()


async def test_alias_of_an_expired_answer_is_a_miss(cache: Cache, clock: Clock) -> None:
    await cache.ask()
    await match(cache)
    clock.ahead += 2 * DAY + 60
    assert await cache.session(question=OTHER).lookup() == LookupResult()


@pytest.mark.parametrize(
    "uses",
    [
        b"x" * 27,
        b" " * 27,
        b"9" * 27,
        b"0x1F000000" * 2 + b"000000r",
        b"nan       " * 2 + b"nan   r",
    ],
)
async def test_corrupt_hits_and_expiry_are_a_miss_or_bounded(cache: Cache, uses: bytes) -> None:
    await cache.ask()
    latest = (await entry_of(cache)).latest_expiry
    field = keyspace.question_field(QUESTION, PIPELINE.name)
    entry = await cache.redis("HGET", keys().questions, field)
    assert isinstance(entry, bytes)
    await cache.redis("HSET", keys().questions, field, entry[:13] + uses + entry[40:])
    await cache.session().lookup()
    left = await index_of(cache)
    assert QUESTION not in left or left[QUESTION].expires <= latest


async def test_full_index_drops_the_least_useful_questions(cache: Cache, clock: Clock) -> None:
    small = cache.with_settings(max_questions=4)
    for question, hits in (("often", 5), ("twice", 2), ("never", 0)):
        await small.ask(question=question)
        await hit(small, question, times=hits)
    failed = small.session(question="context")
    await failed.lookup()
    assert await failed.store(a_vector("context"), sources(), None)
    clock.ahead += 60
    for number, dropped in enumerate(("context", "never", "twice")):
        await small.ask(question=f"new {number}")
        assert dropped not in await index_of(small)
    assert "often" in await index_of(small)
    assert await cache.redis("HLEN", keys().answers) == 4
    assert await cache.redis("HLEN", keys().contexts) == 0


async def test_full_index_drops_one_percent_at_once(cache: Cache) -> None:
    small = cache.with_settings(max_questions=100)
    for number in range(101):
        await small.ask(question=f"question {number}")
    assert len(await index_of(small)) == 99
    await small.ask(question="another")
    assert len(await index_of(small)) == 100


async def test_full_index_drops_what_was_used_often_long_ago(cache: Cache, clock: Clock) -> None:
    small = cache.with_settings(max_questions=2)
    await small.ask(question="former")
    await hit(small, "former", times=5)
    clock.ahead += HOUR
    await small.ask(question="recent")
    await hit(small, "recent")
    clock.ahead += 60
    await small.ask(question="new")
    assert set(await index_of(small)) == {"recent", "new"}


async def test_match_in_a_full_index_does_not_drop_its_target(cache: Cache, clock: Clock) -> None:
    small = cache.with_settings(max_questions=2)
    await small.ask()
    clock.ahead += HOUR
    await small.ask(question="recent")
    await hit(small, "recent")
    clock.ahead += 60
    await match(small)
    assert set(await index_of(small)) == {QUESTION, OTHER}
    await hit(small, OTHER)
    await hit(small)
    snapshot = await CounterReader(cache.redis_client).read_snapshot()
    assert snapshot.entries.answers == 1


async def test_full_index_drops_an_alias_without_hits_before_answers(
    cache: Cache, clock: Clock
) -> None:
    small = cache.with_settings(max_questions=3)
    await small.ask(question="older")
    await small.ask()
    clock.ahead += HOUR
    await match(small)
    clock.ahead += 60
    await small.ask(question="new")
    assert set(await index_of(small)) == {"older", QUESTION, "new"}


async def test_full_index_keeps_an_alias_with_hits(cache: Cache, clock: Clock) -> None:
    small = cache.with_settings(max_questions=3)
    await small.ask()
    await match(small)
    await hit(small, OTHER, times=2)
    await small.ask(question="never")
    clock.ahead += HOUR
    await small.ask(question="new")
    assert set(await index_of(small)) == {QUESTION, OTHER, "new"}


async def test_full_index_drops_ended_questions_first(cache: Cache, clock: Clock) -> None:
    small = cache.with_settings(max_questions=2)
    await small.with_settings(answer_ttl=60, answer_ttl_max=0).ask(question="short")
    await hit(small, "short", times=9)
    clock.ahead += 61
    await small.ask(question="never")
    await small.ask(question="new")
    assert set(await index_of(small)) == {"never", "new"}


async def test_stores_delete_questions_that_ended(cache: Cache, clock: Clock) -> None:
    short = cache.with_settings(answer_ttl=60, answer_ttl_max=0, stale_if_error_seconds=30)
    await short.ask()
    await match(short)
    clock.ahead += 80
    await cache.ask(question="what is hope")
    assert set(await index_of(cache)) == {QUESTION, OTHER, "what is hope"}, "they may be stale"
    clock.ahead += 11
    await short.ask(question="what is love")
    await short.ask(question="what is joy")
    assert set(await index_of(cache)) == {"what is hope", "what is love", "what is joy"}


async def test_snapshot_counts_answers_by_their_hits(cache: Cache) -> None:
    for hits in (0, 1, 3, 4, 7, 12):
        await cache.ask(question=f"question {hits}")
        await hit(cache, f"question {hits}", times=hits)
    reader = CounterReader(cache.redis_client)
    assert (await reader.read_snapshot()).entries.answers_by_hits == (1, 1, 2, 1, 1)
    fields = [keyspace.question_field(f"question {hits}", PIPELINE.name) for hits in (1, 7)]
    await cache.invalidation().drop_entries("ann", fields)
    entries = (await reader.read_snapshot()).entries
    assert (entries.answers, entries.answers_by_hits) == (4, (1, 0, 2, 0, 1))
    await cache.invalidation().delete_user("ann")
    assert (await reader.read_snapshot()).entries.answers_by_hits == (0, 0, 0, 0, 0)
