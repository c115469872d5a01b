"""Many who ask one process the same at once, on each kind of Redis: what each gets, and counts."""

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
from tests.support.stores import MemoryNoteStore
from tests.support.waiting import repeated

ASKERS = 40
COST = 0.002


class CostlyAnswerer(SlowAnswerer):
    """Its answers cost something; it keeps deadlines, and fails if it is told to."""

    fails = False

    async def answer(self, question: str, sources: Sequence[Source]) -> Completion:
        try:
            async with timeout_at_deadline():
                completion = await super().answer(question, sources)
        except TimeoutError as error:
            raise InferenceTimeoutError("the model took too long") from error
        if self.fails:
            raise InferenceUnavailableError("the model is loading", retry_after=7.0)
        return replace(completion, cost=COST)


class Process:
    """One process, which may have a note to answer from."""

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
        askers: int = ASKERS,
        *,
        no_cache: bool = False,
        no_store: bool = False,
        seconds: float | None = None,
    ) -> list[Reply | BaseException]:
        """Let so many ask at once, in as many spellings."""
        requests = (
            Request("ann", f"What is {' ' * number}faith?", no_cache, no_store, seconds=seconds)
            for number in range(askers)
        )
        asked = (self._container.assistant.ask(request) for request in requests)
        return list(await asyncio.gather(*asked, return_exceptions=True))

    async def counted(self) -> PeriodStats:
        """Read what was counted, with what would be counted next."""
        await self._container.pending_counters.flush(self._cache.redis_client)
        return (await CounterReader(self._cache.redis_client).read_snapshot()).total


@pytest.fixture
async def process(cache: Cache) -> Process:
    process = Process(cache)
    await process.write()
    return process


def outcomes(total: PeriodStats) -> dict[str, int]:
    """How many were served in each outcome, by the counters; by the histograms it is the same."""
    served = {outcome: number for outcome, number in total.outcomes.items() if number}
    counts = {outcome: total.latency(outcome).count for outcome in OUTCOMES}
    assert served == {outcome: number for outcome, number in counts.items() if number}
    return served


async def test_one_writes_the_answer_and_all_others_join(process: Process) -> None:
    replies = await process.ask()
    assert process.answerer.begun == 1
    assert {
        reply.answer.text for reply in replies if isinstance(reply, Reply) and reply.answer
    } == {"what is faith: Faith is trust."}
    told = [
        (reply.question.asked, reply.tier, reply.match, reply.coalesced, reply.stored)
        for reply in replies
        if isinstance(reply, Reply)
    ]
    asked = [f"What is {' ' * number}faith?" for number in range(ASKERS)]
    assert told[0] == (asked[0], None, None, False, True)
    assert told[1:] == [(each, "l1", "exact", True, False) for each in asked[1:]]
    total = await process.counted()
    assert outcomes(total) == {"none": 1, "coalesced": ASKERS - 1}
    assert (total.requests, total.answers_generated, total.exact_hits) == (ASKERS, 1, ASKERS - 1)
    assert total.cost_spent == pytest.approx(COST)
    assert total.cost_saved == pytest.approx(COST * (ASKERS - 1))


async def test_a_crowd_looks_twice(process: Process) -> None:
    """Of tiers that the others do not look into they count no hits and no misses."""
    await process.ask()
    total = await process.counted()
    assert (total["l1_misses"], total["l3_misses"], total["shared_lookups"]) == (2, 2, ASKERS - 2)


async def test_hits_are_hits_for_all(process: Process) -> None:
    (first,) = await process.ask(1)
    replies = await process.ask()
    assert isinstance(first, Reply)
    for reply in replies:
        assert isinstance(reply, Reply)
        assert (reply.answer, reply.match, reply.coalesced) == (first.answer, "exact", False)
    total = await process.counted()
    assert outcomes(total) == {"none": 1, "exact": ASKERS}
    assert (total["l1_hits"], total["l1_misses"]) == (ASKERS, 1)
    assert total.cost_saved == pytest.approx(COST * ASKERS)


async def test_all_get_the_error_of_whoever_failed(process: Process) -> None:
    process.answerer.fails = True
    errors = await process.ask()
    assert process.answerer.begun == 1
    assert {type(error) for error in errors} == {InferenceUnavailableError}
    assert {getattr(error, "retry_after", None) for error in errors} == {7.0}
    assert outcomes(await process.counted()) == {"failed": ASKERS}


async def test_a_crowd_that_is_answered_too_late_asks_redis_no_more_than_another(
    process: Process,
) -> None:
    """All get the error of whoever waited for the model, and none looks once more."""
    process.answerer.seconds = 5
    errors = await process.ask(seconds=0.2)
    assert {type(error) for error in errors} == {InferenceTimeoutError}
    total = await process.counted()
    assert (total["l1_misses"], total["shared_lookups"]) == (2, ASKERS - 2)
    assert outcomes(total) == {"failed": ASKERS}


async def test_whoever_gives_up_while_others_look_is_counted_as_failed(process: Process) -> None:
    process.answerer.seconds = 60
    asking = asyncio.create_task(process.ask(5))

    async def missed() -> bool:
        return (await process.counted())["l1_misses"] >= 2

    await repeated(missed)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert outcomes(await process.counted()) == {"failed": 5}


async def test_errors_of_a_crowd_do_not_grow_with_it(process: Process) -> None:
    """Each would carry the traces of all who raised it before."""
    process.answerer.fails = True
    errors = {error for error in await process.ask() if isinstance(error, BaseException)}
    depths = [len(list(traceback.walk_tb(error.__traceback__))) for error in errors]
    assert max(depths) < ASKERS


async def test_that_there_are_no_notes_is_told_to_all(cache: Cache) -> None:
    process = Process(cache)
    replies = await process.ask()
    assert {reply.answer for reply in replies if isinstance(reply, Reply)} == {None}
    assert outcomes(await process.counted()) == {"no_notes": ASKERS}


async def test_who_wants_a_new_answer_or_leaves_no_trace_joins_nobody(process: Process) -> None:
    await process.ask(3, no_cache=True)
    assert process.answerer.begun == 3
    await process.ask(3, no_store=True)
    assert process.answerer.begun == 6


async def test_a_crowd_whose_cache_is_away_pays_for_one_answer(
    process: Process, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody is told that it was cached."""

    async def away(*_: object, **__: object) -> list[object]:
        await asyncio.sleep(0.001)
        raise CacheUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(cache.redis_client, "execute", away)
        replies = await process.ask()
    assert process.answerer.begun == 1
    for reply in replies:
        assert isinstance(reply, Reply)
        assert (reply.cache, reply.tier, reply.stored) == ("unavailable", None, False)
    costs = [reply.answer.cost for reply in replies if isinstance(reply, Reply) and reply.answer]
    assert (len(costs), sum(costs)) == (ASKERS, COST)
    total = await process.counted()
    assert (total.requests, total["cache_unavailable"]) == (0, ASKERS)
