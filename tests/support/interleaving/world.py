"""One simulated world: requests, note changes, messages, evictions and frozen containers."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import product
from math import inf
from random import Random

import numpy as np

from shared.cache.invalidation import Invalidation
from shared.cache.keyspace import UserKeys
from shared.cache.pipeline_id import embedding_name
from shared.container import Container
from shared.conversation import Turn
from shared.freshness import Freshness
from shared.inference.ports import Answerer
from shared.notes.chunking.split import ChunkLimits
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.ingest import chunk_and_embed
from shared.question import Request
from shared.semantic_match import SemanticMatcher
from shared.settings import Settings
from shared.vectors import Vector
from tests.support.interleaving.adapters import (
    FOLLOW_UP,
    CachingPairModel,
    FaultInjector,
    LastTurnRewriter,
    QuotingAnswerer,
    WatchedRedisClient,
    WatchedStore,
    Wire,
    WordEmbedder,
)
from tests.support.interleaving.asks import Asks, K
from tests.support.interleaving.history import History, StaleError
from tests.support.interleaving.lifetimes import Lifetimes
from tests.support.interleaving.loop import ShuffledLoop, reproducible
from tests.support.interleaving.note_changes import TAG_SETS, NoteChanges
from tests.support.interleaving.scenarios import Scenario, scenario_of
from tests.support.interleaving.tasks import Tasks
from tests.support.interleaving.warming import DAILY_BUDGET, Warming
from tests.support.unhandled import record_unhandled

WORDS = ("faith", "hope", "love", "grace", "mercy", "peace")
TODAY = "today"  # makes a question depend on the day
_TIME_OUT_SECONDS = 1.5  # a request times out after 1
_EXPIRE_SECONDS = 70  # an answer expires after 60
_EVENING_SECONDS = 57_400  # from the start of each world, 08:00 UTC, until shortly before midnight
PHRASINGS = ("what is", "define")  # equivalent by the matching rules


def run(seed: int, wire: Wire, scenario: Scenario | None = None) -> None:
    """Run the world of a seed, in its own scenario or in the given one.

    Raises:
        StaleError: a guarantee was broken. The message begins with the seed.
        Exception: a programming error, which the product logs so that it fails no question.
    """
    rng = Random(seed)
    loop = ShuffledLoop(rng)
    wire.call("FLUSHALL")
    world = World(scenario or scenario_of(seed), rng, loop, wire)
    try:
        with reproducible(rng, loop), record_unhandled() as unhandled:
            try:
                loop.run_until_complete(world.run())
            finally:
                loop.run_until_complete(world.close())
    except StaleError as error:
        raise StaleError(f"seed {seed}: {error}") from error
    finally:
        loop.close()
    if unhandled:
        raise unhandled[0]


class World:
    """All parts of one world, created from a seed."""

    def __init__(self, scenario: Scenario, rng: Random, loop: ShuffledLoop, wire: Wire) -> None:
        self._scenario, self._rng, self._loop, self._wire = scenario, rng, loop, wire
        self._users = ("ann", "bob")[: rng.choice(scenario.users)]
        self._notes = [f"n{number}" for number in range(rng.randint(2, 4))]
        self._questions = [
            f"{phrasing} {word}"
            for word in WORDS[: rng.choice((1, 1, 2))]
            for phrasing in PHRASINGS[: rng.choice(scenario.phrasings)]
        ]
        if scenario.growth:
            self._questions.append(f"{self._questions[0]} {TODAY}")
            loop.advance(_EVENING_SECONDS)
        # Each question has one or two sets of tags, so that the same question has others, too.
        self._tags = rng.sample(TAG_SETS, rng.randint(1, 2)) if scenario.tags else [()]
        self._small_index = rng.random() < 0.3 and not (scenario.healthy or scenario.growth)
        settings = _settings(2 if self._small_index else 500, 300 if scenario.growth else 0)
        history = self._history = History()
        fault_injector = self._faults = FaultInjector(scenario, rng)
        self._tasks = Tasks(rng, fault_injector)
        embedder = WordEmbedder(_vectors(rng), fault_injector)
        store = self._store = WatchedStore(fault_injector, history)
        redis_client = self._redis_client = WatchedRedisClient(wire, fault_injector, history)

        answerer = self._answerer = QuotingAnswerer(fault_injector)
        self._bypassing: Counter[str] = Counter()

        def open_container(answerer: Answerer) -> Container:
            """Create a container. Containers share only the adapters."""
            container = Container(
                settings,
                store=store,
                embedder=embedder,
                answerer=answerer,
                redis_client=redis_client,
            )
            container.override(
                background_redis_client=redis_client,
                question_rewriter=LastTurnRewriter(fault_injector),
                semantic_matcher=SemanticMatcher(settings, None, CachingPairModel),
            )
            return container

        lifetimes = Lifetimes(settings, steady=scenario.steady, warming=scenario.warming)
        self._warming = (
            Warming(
                rng,
                self._tasks,
                open_container,
                answerer,
                history=history,
                record=lifetimes.add_warmed,
            )
            if scenario.warming
            else None
        )

        profile = EmbeddingProfile(embedder.model, embedder.dimensions)  # the containers' own
        freshness = Freshness(
            invalidation=Invalidation(redis_client, replicas=1),
            store=store,
            chunk_and_embed=partial(
                chunk_and_embed, embedder=embedder, limits=ChunkLimits(words=1, overlap_words=0)
            ),
            embedding_name=embedding_name(profile.text),
            warming=self._warming.requests if self._warming else None,
        )
        self._asks = Asks(
            lambda: open_container(answerer).assistant,
            rng,
            fault_injector,
            history=history,
            redis_client=redis_client,
            store=store,
            embedder=embedder,
            lifetimes=lifetimes,
            feedback_rate=scenario.feedback,
            uninterrupted=scenario.uninterrupted,
        )
        words = (WORDS[2:] if scenario.low_cosines else WORDS)[: rng.choice(scenario.words)]
        self._note_changes = NoteChanges(
            rng,
            self._tasks,
            freshness=freshness,
            history=history,
            redis_client=redis_client,
            store=store,
            embedder=embedder,
            notes=self._notes,
            words=words,
            scenario=scenario,
        )

    async def run(self) -> None:
        rng = self._rng
        await self._begin()
        actors = [self._ask_repeatedly] * (1 if self._scenario.steady else rng.randint(1, 3))
        actors += [self._change_notes] * rng.choice(self._scenario.writers)
        actors += [self._evict] * rng.choice(self._scenario.evictors)
        if self._scenario.restarts:
            actors += [self._restart_redis] * rng.choice(self._scenario.restarts)
        if self._scenario.failovers:
            actors += [self._fail_over_redis] * rng.choice(self._scenario.failovers)
        if self._scenario.store_failovers:
            actors += [self._fail_over_store] * rng.choice(self._scenario.store_failovers)
        if self._scenario.expirers:
            actors += [self._expire] * rng.choice(self._scenario.expirers)
        if self._scenario.timeouts:
            actors += [self._time_out] * rng.choice(self._scenario.timeouts)
        if self._warming:
            self._tasks.spawn(self._warming.change_circuit_breakers())
        for actor in actors:
            self._tasks.spawn(actor(rng.choice(self._users)))
        await self._tasks.settle()
        if self._scenario.healthy and (repeated := self._answerer.generated - self._expected()):
            raise StaleError(f"generated again: {dict(repeated)}")
        await self._end()

    def _expected(self) -> Counter[str]:
        """How often each question may be generated: once, and for each request that bypasses."""
        return Counter(self._questions) + self._bypassing

    async def close(self) -> None:
        self._faults.calm = True
        await self._tasks.close()

    async def _begin(self) -> None:
        """Write the first notes and cache the first answers."""
        self._faults.calm = True
        for user in self._users:
            for note_id in self._notes:
                if self._rng.random() < 0.7:
                    text = self._note_changes.text(user, plain=self._scenario.plain)
                    await self._note_changes.write(user, note_id, text)
            for question, tags in product(self._questions, self._tags):
                if self._rng.random() < self._scenario.cached_share:
                    await self._asks.ask(Request(user, question, tags=tags))
        self._faults.calm = False

    async def _ask_repeatedly(self, user: str) -> None:
        growth = self._scenario.growth
        for _ in range(self._rng.randint(3, 8) if growth else self._rng.randint(1, 3)):
            await self._tasks.pause()
            if growth:
                self._loop.advance(self._rng.choice((0, 0, 5, 30, 70, 130, 310)))
            request = Request(
                user,
                self._rng.choice(self._questions),
                no_cache=self._rng.random() < 0.1,
                no_store=self._rng.random() < 0.05,
                exact=self._rng.random() < 0.1,
                seconds=inf if self._scenario.uninterrupted else None,
            )
            if self._scenario.follow_ups and self._rng.random() < self._scenario.follow_ups:
                history = (Turn("user", request.query),)
                request = replace(request, query=FOLLOW_UP, history=history)
            count = self._rng.choice(self._scenario.concurrent)
            self._bypassing[request.query] += count * (request.no_cache or request.no_store)
            requests = [request] * count
            if self._scenario.tags:
                requests = [replace(each, tags=self._rng.choice(self._tags)) for each in requests]
            await asyncio.gather(*(self._ask(each, at_once=count == 1) for each in requests))

    async def _ask(self, request: Request, *, at_once: bool) -> None:
        if not at_once:
            await self._tasks.pause()
        streaming = self._scenario.streaming
        if streaming and self._rng.random() < streaming:
            leaves = self._rng.random() < self._scenario.disconnects
            await self._tasks.outcome(self._asks.stream(request, leaves=leaves))
        else:
            await self._tasks.outcome(self._asks.ask(request), freezes=True)

    async def _change_notes(self, user: str) -> None:
        for _ in range(self._rng.randint(1, 2)):
            await self._tasks.pause()
            await self._note_changes.change(user)

    async def _evict(self, user: str) -> None:
        """Evict keys, and even single fields, and let entries expire."""
        del user  # all users are affected
        for _ in range(self._rng.randint(1, 3)):
            await self._tasks.pause()
            await self._faults.pause()
            self._history.tick()
            keys, act = sorted(self._wire.call("KEYS", "*")), self._rng.random()
            if self._scenario.feedback:  # an evicted refusal is lost
                keys = [key for key in keys if not key.endswith(b":refusals")]
            if act < 0.5 and keys:
                self._wire.call("UNLINK", self._rng.choice(keys))
            elif act < 0.75 and keys:
                key = self._rng.choice(keys)
                if self._wire.call("TYPE", key) == b"hash":
                    fields = sorted(self._wire.call("HKEYS", key))
                    self._wire.call("HDEL", key, self._rng.choice(fields))
            elif act < 0.8 and not self._scenario.feedback:
                self._wire.call("FLUSHALL")
            elif act < 0.85:
                self._wire.call("SCRIPT", "FLUSH")
            else:
                self._loop.advance(self._rng.choice((5, 12, 70)))

    async def _expire(self, user: str) -> None:
        """Let every answer expire, but not stale-if-error."""
        del user
        self._loop.advance(_EXPIRE_SECONDS)

    async def _time_out(self, user: str) -> None:
        """Let every request in progress time out."""
        del user
        await self._tasks.pause()
        await self._faults.pause()
        self._loop.advance(_TIME_OUT_SECONDS)

    async def _restart_redis(self, user: str) -> None:
        """Stop Redis and restart it, with or without its data."""
        del user  # all users are affected
        await self._tasks.pause()
        self._redis_client.stop()
        for _ in range(self._rng.choice((0, 3, 20, 100))):
            await asyncio.sleep(0)
        self._redis_client.restart(empty=self._rng.random() < 0.5)

    async def _fail_over_redis(self, user: str) -> None:
        """Let a replica get all writes, but not a later eviction, and promote it."""
        await self._tasks.pause()
        self._redis_client.replicate()
        await self._tasks.pause()
        if self._rng.random() < 0.5:
            self._wire.call("UNLINK", UserKeys.of(user).questions)
            await self._tasks.pause()
        self._redis_client.promote_replica()

    async def _fail_over_store(self, user: str) -> None:
        """Reject writes to the note store, and sometimes all calls, for a while."""
        del user  # all users are affected
        await self._tasks.pause()
        self._store.rejected = self._rng.choice(("writes", "all"))
        await self._tasks.pause()
        self._store.rejected = ""

    async def _end(self) -> None:
        """Check that every answer matches the current notes and is then cached."""
        self._faults.calm, self._faults.refusing, self._faults.circuit_open = True, 0.0, 0.0
        self._faults.incomplete = 0.0
        await asyncio.gather(*self._redis_client.late, return_exceptions=True)
        for key in sorted(self._wire.call("KEYS", "*:lock:*")):  # they would have expired
            self._wire.call("UNLINK", key)
        requests = [
            Request(user, query, tags=tags)
            for user, query, tags in product(self._users, self._questions, self._tags)
        ]
        for request in requests:
            first = await self._asks.ask_at_end(request)
            if first.answer:
                again = await self._asks.ask_at_end(request)
                hits = (again.answer, again.tier) == (first.answer, "l1")
                # In a small index an alias may evict its own target.
                if not hits and not (first.matched_question and self._small_index):
                    raise StaleError(f"{request} was answered but is not a hit")
        if not await self._asks.has_ties(requests):
            await self._note_changes.redeliver()
            if self._scenario.tags or self._rng.random() < 0.2:
                await self._check_last_change(requests)
        if self._warming or self._rng.random() < 0.2:
            await self._tasks.settle()
            deletion = self._note_changes.delete_user("ann")
            if self._warming:  # while messages are received and a note changes
                self._faults.only_yield()
                change = self._note_changes.change_last("ann")
                await asyncio.gather(deletion, self._warming.redeliver(), change)
                await self._tasks.settle()
            else:
                await deletion
            of_ann = UserKeys.of("ann").questions.removesuffix("questions")
            keys = self._wire.call("KEYS", f"{of_ann}*")
            # A lock expires within seconds, and holds no text.
            if left := [key for key in keys if b":lock:" not in key]:
                raise StaleError(f"keys of a deleted user: {left}")

    async def _check_last_change(self, requests: Sequence[Request]) -> None:
        """Change one more note: it drops only answers that are no longer those of their search."""
        replies = {request: await self._asks.ask_at_end(request) for request in requests}
        before = {request: await self._asks.search(request) for request in requests}
        if not await self._note_changes.change_last(self._rng.choice(self._users)):
            return
        now = {request: await self._asks.search(request) for request in requests}
        if self._small_index or await self._asks.has_ties(requests):
            return
        for request, reply in replies.items():
            used = replace(request, query=reply.matched_question or request.query)
            is_affected = any(before[each] != now[each] for each in (request, used))
            again = await self._asks.ask_at_end(request)
            if reply.answer and not is_affected and again.answer != reply.answer:
                raise StaleError(f"{request} was dropped needlessly")


def _vectors(rng: Random) -> dict[str, Vector]:
    """Create few directions in few dimensions, so that many cosines are equal or nearly equal.

    A word with a tilde has a vector near the word's, which may retrieve other chunks.
    """
    directions = [_random_vector(rng, 2) for _ in range(rng.randint(2, 4))]
    vectors = {}
    for word in WORDS:
        direction = rng.choice(directions)
        vectors[word] = direction * np.int8(rng.randint(1, 9))
        vectors[f"~{word}"] = 4 * direction + _random_vector(
            rng, rng.choice((1, 2, 3))
        )  # never zero
        vectors[f"{PHRASINGS[0]} {word}"] = vectors[word]
        vectors[f"{PHRASINGS[1]} {word}"] = vectors[f"~{word}"]
        vectors[f"{PHRASINGS[0]} {word} {TODAY}"] = vectors[word]
    return vectors


def _random_vector(rng: Random, reach: int) -> Vector:
    return np.array([rng.randint(-reach, reach) or 1 for _ in range(4)], dtype=np.int8)


@cache
def _settings(max_questions: int, answer_ttl_max: int) -> Settings:
    return Settings(
        retrieved_chunks=K,
        max_questions=max_questions,
        answer_ttl=60,
        answer_ttl_max=answer_ttl_max,
        context_ttl=10,
        inference_timeout=1,
        extractive_fallback=False,  # these notes have no sentences
        warm_daily_budget=DAILY_BUDGET,
    )
