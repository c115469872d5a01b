"""Contract of concurrent equal requests in one process, on each kind of Redis."""

import asyncio
import traceback
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.cache.counter_reader import CounterReader
from shared.cache.counters import OUTCOMES
from shared.cache.stats_snapshot import PeriodStats
from shared.container import Container
from shared.deadline import timeout_at_deadline
from shared.errors import (
    CacheUnavailableError,
    InferenceTimeoutError,
    InferenceUnavailableError,
)
from shared.inference.ports import Completion
from shared.notes.note import Chunk, Note, Source
from shared.question import Request
from shared.reply import Reply
from tests.support.caches import Cache
from tests.support.fakes import HashingEmbedder, SlowAnswerer
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.waiting import repeated

REQUESTS = 40
COST = 0.002


class CostlyAnswerer(SlowAnswerer):
    """Its answers have a cost. It obeys the deadline, and fails if `fails` is set."""

    fails = False

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        try:
            async with timeout_at_deadline():
                completion = await super().answer(question, sources)
        except TimeoutError as error:
            raise InferenceTimeoutError("the model took too long") from error
        if self.fails:
            raise InferenceUnavailableError("the model is loading", retry_after=7.0)
        return replace(completion, cost=COST)


class Process:
    """One process's container."""

    def __init__(self, cache: Cache) -> None:
        self.answerer = CostlyAnswerer(0.1)
        self._cache = cache
        self._store = MemoryNoteStore()
        self._container = Container(
            replace(cache.settings, embedding_dimensions=HashingEmbedder.dimensions),
            store=self._store,
            embedder=HashingEmbedder(),
            answerer=self.answerer,
            redis_client=cache.redis_client,
        )

    async def write(self) -> None:
        (vector,) = await HashingEmbedder().embed(["Faith is trust."])
        note = Note("ann", "note", "", "Faith is trust.", 1, 1)
        await self._store.replace_note(note, [Chunk("note#0", "note", "Faith is trust.", vector)])

    async def ask(
        self,
        count: int = REQUESTS,
        *,
        no_cache: bool = False,
        no_store: bool = False,
        seconds: float | None = None,
    ) -> list[Reply | BaseException]:
        """Send `count` concurrent requests, each in another spelling."""
        requests = (
            Request("ann", f"What is {' ' * number}faith?", no_cache, no_store, seconds=seconds)
            for number in range(count)
        )
        asked = (self._container.assistant.ask(request) for request in requests)
        return list(await asyncio.gather(*asked, return_exceptions=True))

    async def read_counters(self) -> PeriodStats:
        """Read all counters, with those that wait for the next request."""
        await self._container.pending_counters.flush(self._cache.redis_client)
        return (await CounterReader(self._cache.redis_client).read_snapshot()).total


@pytest.fixture
async def process(cache: Cache) -> Process:
    process = Process(cache)
    await process.write()
    return process


def outcomes(total: PeriodStats) -> dict[str, int]:
    """Return the number of requests by outcome. The histograms must agree."""
    counted = {outcome: number for outcome, number in total.outcomes.items() if number}
    timed = {outcome: total.latency(outcome).count for outcome in OUTCOMES}
    assert counted == {outcome: number for outcome, number in timed.items() if number}
    return counted


async def test_concurrent_requests_share_one_generation(process: Process) -> None:
    replies = await process.ask()
    assert process.answerer.begun == 1
    (answer,) = {
        reply.answer.text for reply in replies if isinstance(reply, Reply) and reply.answer
    }
    # Under load the second wording may acquire the lock before the first.
    assert answer in {f"What is {' ' * number}faith?: Faith is trust." for number in (0, 1)}
    facts = [
        (reply.tier, reply.match, reply.coalesced, reply.stored)
        for reply in replies
        if isinstance(reply, Reply)
    ]
    # Under load the second lookup may acquire the lock before the first.
    generated, shared = (None, None, False, True), ("l1", "exact", True, False)
    assert sorted(facts, key=str) == sorted([generated, *[shared] * (REQUESTS - 1)], key=str)
    asked = [reply.question.wording for reply in replies if isinstance(reply, Reply)]
    assert asked == [f"What is {' ' * number}faith?" for number in range(REQUESTS)]
    total = await process.read_counters()
    assert outcomes(total) == {"none": 1, "coalesced": REQUESTS - 1}
    assert (total.requests, total.answers_generated, total.exact_hits) == (
        REQUESTS,
        1,
        REQUESTS - 1,
    )
    assert total.cost_spent == pytest.approx(COST)
    assert total.cost_saved == pytest.approx(COST * (REQUESTS - 1))


async def test_concurrent_requests_make_two_lookups(process: Process) -> None:
    """A follower counts no hit and no miss of a tier."""
    await process.ask()
    total = await process.read_counters()
    assert (total["l1_misses"], total["l3_misses"], total["shared_lookups"]) == (2, 2, REQUESTS - 2)


async def test_concurrent_hits_all_count_as_hits(process: Process) -> None:
    (first,) = await process.ask(1)
    replies = await process.ask()
    assert isinstance(first, Reply)
    for reply in replies:
        assert isinstance(reply, Reply)
        assert (reply.answer, reply.match, reply.coalesced) == (first.answer, "exact", False)
    total = await process.read_counters()
    assert outcomes(total) == {"none": 1, "exact": REQUESTS}
    assert (total["l1_hits"], total["l1_misses"]) == (REQUESTS, 1)
    assert total.cost_saved == pytest.approx(COST * REQUESTS)


async def test_followers_get_the_leaders_error(process: Process) -> None:
    process.answerer.fails = True
    errors = await process.ask()
    assert process.answerer.begun == 1
    assert {type(error) for error in errors} == {InferenceUnavailableError}
    assert {getattr(error, "retry_after", None) for error in errors} == {7.0}
    assert outcomes(await process.read_counters()) == {"failed": REQUESTS}


async def test_followers_of_a_timed_out_leader_make_no_lookup(
    process: Process,
) -> None:
    """All get the leader's time-out error."""
    process.answerer.seconds = 5
    errors = await process.ask(seconds=0.2)
    assert {type(error) for error in errors} == {InferenceTimeoutError}
    total = await process.read_counters()
    assert (total["l1_misses"], total["shared_lookups"]) == (2, REQUESTS - 2)
    assert outcomes(total) == {"failed": REQUESTS}


async def test_cancelled_requests_are_counted_as_failed(process: Process) -> None:
    process.answerer.seconds = 60
    requests = asyncio.create_task(process.ask(5))

    async def both_missed() -> bool:
        return (await process.read_counters())["l1_misses"] >= 2

    await repeated(both_missed)
    requests.cancel()
    with pytest.raises(asyncio.CancelledError):
        await requests
    assert outcomes(await process.read_counters()) == {"failed": 5}


async def test_traceback_of_a_shared_error_does_not_grow(process: Process) -> None:
    """Raising one error object in each follower would extend its traceback."""
    process.answerer.fails = True
    errors = {error for error in await process.ask() if isinstance(error, BaseException)}
    depths = [len(list(traceback.walk_tb(error.__traceback__))) for error in errors]
    assert max(depths) < REQUESTS


async def test_followers_get_the_reply_without_notes(cache: Cache) -> None:
    process = Process(cache)
    replies = await process.ask()
    assert {reply.answer for reply in replies if isinstance(reply, Reply)} == {None}
    assert outcomes(await process.read_counters()) == {"no_notes": REQUESTS}


async def test_no_cache_and_no_store_requests_are_not_coalesced(process: Process) -> None:
    await process.ask(3, no_cache=True)
    assert process.answerer.begun == 3
    await process.ask(3, no_store=True)
    assert process.answerer.begun == 6


async def test_concurrent_requests_without_redis_share_one_generation(
    process: Process, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reply claims that the answer was cached."""

    async def unavailable(*_: object, **__: object) -> list[object]:
        await asyncio.sleep(0.001)
        raise CacheUnavailableError("the cache is unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(cache.redis_client, "execute", unavailable)
        replies = await process.ask()
    assert process.answerer.begun == 1
    for reply in replies:
        assert isinstance(reply, Reply)
        assert (reply.cache, reply.tier, reply.stored) == ("unavailable", None, False)
    costs = [reply.answer.cost for reply in replies if isinstance(reply, Reply) and reply.answer]
    assert (len(costs), sum(costs)) == (REQUESTS, COST)
    total = await process.read_counters()
    assert (total.requests, total["cache_unavailable"]) == (0, REQUESTS)
