"""One world: users who ask, owners who change notes, messages, evictions and frozen containers."""

import asyncio
from functools import cache
from random import Random

import numpy as np

from shared.assistant import Assistant
from shared.cache.invalidation import Invalidation
from shared.cache.keyspace import UserKeys
from shared.cache.pipeline_id import embedding_name
from shared.container import Container
from shared.freshness import Freshness
from shared.notes.ingest import NoteIngester
from shared.question import Request
from shared.settings import Settings
from shared.vectors import Vector
from tests.support.interleaving.asking import Asking, K
from tests.support.interleaving.climates import CLIMATES, Climate
from tests.support.interleaving.history import History, StaleError
from tests.support.interleaving.loop import ShuffledLoop, reproducible
from tests.support.interleaving.owning import Owning
from tests.support.interleaving.ports import (
    Chance,
    QuotingAnswerer,
    WatchedConnection,
    WatchedStore,
    Wire,
    WordEmbedder,
)
from tests.support.interleaving.tasks import Tasks

WORDS = ("faith", "hope", "love", "grace", "mercy", "peace")
_AGE = 70  # seconds; an answer's time is up after 60
WORDINGS = ("what is", "define")  # one question each, as the guard sees it


def run(seed: int, wire: Wire, climate: Climate | None = None) -> None:
    """Run the world of a seed, in its own climate or in this one.

    Raises:
        StaleError: a promise was broken; the message begins with the seed.
    """
    rng = Random(seed)
    loop = ShuffledLoop(rng)
    wire.call("FLUSHALL")
    world = World(climate or CLIMATES[seed % len(CLIMATES)], rng, loop, wire)
    try:
        with reproducible(rng, loop):
            try:
                loop.run_until_complete(world.run())
            finally:
                loop.run_until_complete(world.close())
    except StaleError as error:
        raise StaleError(f"seed {seed}: {error}") from error
    finally:
        loop.close()


class World:
    """Everything of one world, built from a seed's generator."""

    def __init__(self, climate: Climate, rng: Random, loop: ShuffledLoop, wire: Wire) -> None:
        self._climate, self._rng, self._loop, self._wire = climate, rng, loop, wire
        self._users = ("ann", "bob")[: rng.choice(climate.users)]
        self._notes = [f"n{number}" for number in range(rng.randint(2, 4))]
        self._questions = [
            f"{wording} {word}"
            for word in WORDS[: rng.choice((1, 1, 2))]
            for wording in WORDINGS[: rng.choice(climate.wordings)]
        ]
        self._cramped = rng.random() < 0.3
        history = self._history = History()
        chance = self._chance = Chance(climate, rng)
        self._tasks = Tasks(rng, chance)
        embedder = WordEmbedder(_vectors(rng), chance)
        store = WatchedStore(chance, history)
        redis_client = self._redis_client = WatchedConnection(wire, chance, history)

        def assistant() -> Assistant:
            """One of another container: they have nothing in common but what is given."""
            container = Container(
                _settings(2 if self._cramped else 500),
                store=store,
                embedder=embedder,
                answerer=QuotingAnswerer(chance),
                redis_client=redis_client,
            )
            return container.assistant

        freshness = Freshness(
            invalidation=Invalidation(redis_client),
            store=store,
            chunk_and_embed=NoteIngester(embedder, max_words=1, overlap_words=0).chunk_and_embed,
            embedding_name=embedding_name(embedder.model),
        )
        self._asking = Asking(
            assistant,
            rng,
            chance,
            history=history,
            redis_client=redis_client,
            store=store,
            embedder=embedder,
        )
        words = (WORDS[2:] if climate.unasked else WORDS)[: rng.choice(climate.words)]
        self._owning = Owning(
            rng,
            self._tasks,
            freshness=freshness,
            history=history,
            redis_client=redis_client,
            store=store,
            embedder=embedder,
            notes=self._notes,
            words=words,
        )

    async def run(self) -> None:
        rng = self._rng
        await self._begin()
        actors = [self._asker] * rng.randint(1, 3)
        actors += [self._owner] * rng.choice(self._climate.owners)
        actors += [self._evictor] * rng.choice(self._climate.evictors)
        if self._climate.deaths:
            actors += [self._reaper] * rng.choice(self._climate.deaths)
        if self._climate.agers:
            actors += [self._ager] * rng.choice(self._climate.agers)
        for actor in actors:
            self._tasks.spawn(actor(rng.choice(self._users)))
        await self._tasks.settle()
        await self._end()

    async def close(self) -> None:
        self._chance.calm = True
        await self._tasks.close()

    async def _begin(self) -> None:
        """Notes and cached answers from before."""
        self._chance.calm = True
        for user in self._users:
            for note_id in self._notes:
                if self._rng.random() < 0.7:
                    text = self._owning.text(user, plain=self._climate.plain)
                    await self._owning.write(user, note_id, text)
            for question in self._questions:
                if self._rng.random() < self._climate.asked_before:
                    await self._asking.ask(Request(user, question))
        self._chance.calm = False

    async def _asker(self, user: str) -> None:
        for _ in range(self._rng.randint(1, 3)):
            await self._tasks.pause()
            request = Request(
                user,
                self._rng.choice(self._questions),
                no_cache=self._rng.random() < 0.1,
                no_store=self._rng.random() < 0.05,
                exact=self._rng.random() < 0.1,
            )
            crowd = self._rng.choice(self._climate.crowds)
            await asyncio.gather(*(self._ask(request, at_once=crowd == 1) for _ in range(crowd)))

    async def _ask(self, request: Request, *, at_once: bool) -> None:
        if not at_once:
            await self._tasks.pause()
        await self._tasks.outcome(self._asking.ask(request), freezes=True)

    async def _owner(self, user: str) -> None:
        for _ in range(self._rng.randint(1, 2)):
            await self._tasks.pause()
            await self._owning.change(user)

    async def _evictor(self, user: str) -> None:
        """Stands for eviction and expiry, of any key and, beyond what Redis does, of any field."""
        del user  # nobody is safe
        for _ in range(self._rng.randint(1, 3)):
            await self._tasks.pause()
            await self._chance.pause()
            self._history.tick()
            keys, act = sorted(self._wire.call("KEYS", "*")), self._rng.random()
            if act < 0.5 and keys:
                self._wire.call("UNLINK", self._rng.choice(keys))
            elif act < 0.75 and keys:
                key = self._rng.choice(keys)
                if self._wire.call("TYPE", key) == b"hash":
                    fields = sorted(self._wire.call("HKEYS", key))
                    self._wire.call("HDEL", key, self._rng.choice(fields))
            elif act < 0.8:
                self._wire.call("FLUSHALL")
            elif act < 0.85:
                self._wire.call("SCRIPT", "FLUSH")
            else:
                self._loop.advance(self._rng.choice((5, 12, 70)))

    async def _ager(self, user: str) -> None:
        """Every answer's time is up, and that of its grace is not."""
        del user
        self._loop.advance(_AGE)

    async def _reaper(self, user: str) -> None:
        """Redis dies, and returns: with all it had or, as a cache in memory does, with nothing."""
        del user  # nobody is safe
        await self._tasks.pause()
        self._redis_client.die()
        for _ in range(self._rng.choice((0, 3, 20, 100))):
            await asyncio.sleep(0)
        self._redis_client.return_(empty=self._rng.random() < 0.5)

    async def _end(self) -> None:
        """When all is quiet, every answer is of the notes as they are, and is there to stay."""
        self._chance.calm, self._chance.speechless, self._chance.paused = True, 0.0, 0.0
        await asyncio.gather(*self._redis_client.late, return_exceptions=True)
        for flight in self._wire.call("KEYS", "*:lock:*"):  # their time is over
            self._wire.call("UNLINK", flight)
        for request in [Request(user, query) for user in self._users for query in self._questions]:
            first = await self._asking.ask_in_quiet(request)
            if first.answer:
                again = await self._asking.ask_in_quiet(request)
                hits = (again.answer, again.tier) == (first.answer, "l1")
                # An alias may have pushed out its own target, where there is little room.
                if not hits and not (first.matched_question and self._cramped):
                    raise StaleError(f"{request} was answered and does not hit")
        if self._rng.random() < 0.2:
            await self._owning.delete_user("ann")
            of_ann = UserKeys.of("ann").questions.removesuffix("questions")
            if left := self._wire.call("KEYS", f"{of_ann}*"):
                raise StaleError(f"of a deleted user there are left {left}")


def _vectors(rng: Random) -> dict[str, Vector]:
    """Few directions in few dimensions, at several lengths: many cosines are equal, or nearly.

    Beside each word there is one near it, with a tilde, which may find other passages.
    """
    directions = [_some(rng, 2) for _ in range(rng.randint(2, 4))]
    vectors = {}
    for word in WORDS:
        direction = rng.choice(directions)
        vectors[word] = direction * np.int8(rng.randint(1, 9))
        vectors[f"~{word}"] = 4 * direction + _some(rng, rng.choice((1, 2, 3)))  # never zero
        vectors[f"{WORDINGS[0]} {word}"] = vectors[word]
        vectors[f"{WORDINGS[1]} {word}"] = vectors[f"~{word}"]
    return vectors


def _some(rng: Random, reach: int) -> Vector:
    return np.array([rng.randint(-reach, reach) or 1 for _ in range(4)], dtype=np.int8)


@cache
def _settings(max_questions: int) -> Settings:
    return Settings(
        retrieved_chunks=K,
        max_questions=max_questions,
        answer_ttl=60,
        context_ttl=10,
        inference_timeout=1,
        extractive_fallback=False,  # these notes have no sentences
    )
