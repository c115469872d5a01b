"""One world: users who ask, owners who change notes, messages, evictions and frozen containers."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

import numpy as np

from shared.assistant import Reply, Request
from shared.cache.invalidation import Invalidation
from shared.cache.keyspace import UserKeys
from shared.cache.pipeline import embedding_name
from shared.container import Container
from shared.errors import UnavailableError
from shared.freshness import Freshness
from shared.matching.matcher import fits
from shared.notes.changes import NoteChanged, Operation
from shared.notes.chunking import to_chunks
from shared.notes.note import Note
from shared.notes.preparing import Preparer
from shared.settings import Settings
from shared.vectors import Vector
from tests.support.interleaving.climates import CLIMATES, Climate
from tests.support.interleaving.history import History, StaleError, Version, explain
from tests.support.interleaving.loop import ShuffledLoop, reproducible
from tests.support.interleaving.ports import (
    Chance,
    QuotingAnswerer,
    WatchedConnection,
    WatchedStore,
    Wire,
    WordEmbedder,
    found,
    quote,
)

K = 2
WORDS = ("faith", "hope", "love", "grace", "mercy", "peace")
WORDINGS = ("what is", "define")  # one question each, as the guard sees it


def run(seed: int, wire: Wire) -> None:
    """Run the world of a seed.

    Raises:
        StaleError: a promise was broken; the message begins with the seed.
    """
    rng = Random(seed)
    loop = ShuffledLoop(rng)
    wire.call("FLUSHALL")
    world = World(CLIMATES[seed % len(CLIMATES)], rng, loop, wire)
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
        self._history = History()
        self._cramped = rng.random() < 0.3
        self._chance = Chance(climate, rng)
        self._embedder = WordEmbedder(_vectors(rng), self._chance)
        self._store = WatchedStore(self._chance, self._history)
        self._connection = WatchedConnection(wire, self._chance, self._history)
        container = Container(
            _settings(2 if self._cramped else 500),
            store=self._store,
            embedder=self._embedder,
            answerer=QuotingAnswerer(self._chance),
        )
        container.__dict__["connection"] = self._connection
        self._assistant = container.assistant
        self._freshness = Freshness(
            invalidation=Invalidation(self._connection),
            store=self._store,
            prepare=Preparer(self._embedder, words=1, overlap=0).prepare,
            embedding_name=embedding_name(self._embedder.model),
        )
        self._users = ("ann", "bob")[: rng.choice(climate.users)]
        self._questions = [
            f"{wording} {word}"
            for word in WORDS[: rng.choice((1, 1, 2))]
            for wording in WORDINGS[: rng.choice(climate.wordings)]
        ]
        self._notes = [f"n{number}" for number in range(rng.randint(2, 4))]
        words = WORDS[2:] if climate.unasked else WORDS
        self._vocabulary = words[: rng.choice(climate.words)]
        self._version = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        await self._begin()
        rng = self._rng
        actors = [self._asker] * rng.randint(1, 3)
        actors += [self._owner] * rng.choice(self._climate.owners)
        actors += [self._evictor] * rng.choice(self._climate.evictors)
        for actor in actors:
            self._spawn(actor(rng.choice(self._users)))
        await self._settle()
        await self._end()

    async def close(self) -> None:
        """End what is frozen, while the loop still runs."""
        self._chance.calm = True
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # Who does what

    async def _begin(self) -> None:
        """Notes and cached answers from before the world's tasks."""
        self._chance.calm = True
        for user in self._users:
            for note_id in self._notes:
                if self._rng.random() < 0.7:
                    text = self._text(user)
                    text = text.replace("~", "") if self._climate.plain else text
                    await self._write(user, note_id, text)
            for question in self._questions:
                if self._rng.random() < self._climate.asked_before:
                    await self._ask(Request(user, question))
        self._chance.calm = False

    async def _asker(self, user: str) -> None:
        for _ in range(self._rng.randint(1, 3)):
            await self._wait()
            request = Request(
                user,
                self._rng.choice(self._questions),
                fresh=self._rng.random() < 0.1,
                traceless=self._rng.random() < 0.05,
                exact=self._rng.random() < 0.1,
            )
            attempt = asyncio.ensure_future(self._ask(request))
            if self._chance.strikes():
                self._chance.frozen.add(attempt)
                return
            await self._perhaps_killed(attempt)

    async def _owner(self, user: str) -> None:
        for _ in range(self._rng.randint(1, 2)):
            await self._wait()
            note_id, act = self._rng.choice(self._notes), self._rng.random()
            if act < 0.4:
                self._publish(user, note_id, Operation.UPDATED, self._text(user))
            elif act < 0.7:
                version = await self._write(user, note_id, self._text(user))
                self._publish(user, note_id, Operation.UPDATED, version=version)
            elif act < 0.8:
                self._publish(user, note_id, Operation.DELETED)
            elif act < 0.9:
                version = await self._write(user, note_id, None)
                self._publish(user, note_id, Operation.DELETED, version=version)
            elif act < 0.95:
                for name in self._rng.sample(self._notes, 2):
                    await self._write(user, name, self._text(user))
                self._publish(user, None, Operation.ALL_CHANGED)
            else:
                self._publish(user, None, Operation.USER_DELETED)

    async def _evictor(self, user: str) -> None:
        del user
        for _ in range(self._rng.randint(1, 3)):
            await self._wait()
            await self._chance.pause()
            self._history.tick()
            keys, act = sorted(self._wire.call("KEYS", "*")), self._rng.random()
            if act < 0.5 and keys:
                self._wire.call("UNLINK", self._rng.choice(keys))
            elif act < 0.75 and keys:
                key = self._rng.choice(keys)
                fields = self._wire.call("HKEYS", key)
                if fields and not isinstance(fields, Exception):
                    self._wire.call("HDEL", key, self._rng.choice(sorted(fields)))
            elif act < 0.8:
                self._wire.call("FLUSHALL")
            elif act < 0.85:
                self._wire.call("SCRIPT", "FLUSH")
            else:
                self._loop.advance(self._rng.choice((5, 12, 70)))

    async def _end(self) -> None:
        """When all is quiet, every answer is of the notes as they are, and is there to stay."""
        self._chance.calm, self._chance.speechless = True, 0.0
        await asyncio.gather(*self._connection.late, return_exceptions=True)
        for flight in self._wire.call("KEYS", "*:flight:*"):  # their time is over
            self._wire.call("UNLINK", flight)
        for request in [Request(user, query) for user in self._users for query in self._questions]:
            first = await self._ask(request, quiet=True)
            if first and first.answer:
                again = await self._ask(request, quiet=True)
                # An alias may have pushed out its own target, where there is little room.
                hits = again and (again.answer, again.tier) == (first.answer, "l1")
                if not hits and not (first.matched and self._cramped):
                    raise StaleError(f"{request} was answered and does not hit")
        if self._rng.random() < 0.2:
            await self._freshness.note_changed(self._change("ann", None, Operation.USER_DELETED))
            left = self._wire.call(
                "KEYS", UserKeys.of("ann").flight("*", "").partition("flight")[0] + "*"
            )
            if left:
                raise StaleError(f"of a deleted user there are left {left}")

    # What they do

    async def _ask(self, request: Request, *, quiet: bool = False) -> Reply | None:
        """Ask, and hold the reply to what it may be; None where a fault struck.

        `quiet`: every change is acknowledged, so that only the notes as they are will do.
        """
        floors = self._history.floors(request.user_id)
        began = self._connection.begins(request.user_id)
        try:
            reply = await self._assistant.ask(request)
        except UnavailableError:
            if quiet:
                raise
            return None
        if quiet or reply.tier not in {"l1", "l3"}:
            floors = dict.fromkeys(self._notes, began)
        admissible = self._history.admissible(request.user_id, floors)
        if wrong := self._wrong(request.query, reply, admissible):
            raise StaleError(f"{request} got {reply}, but {wrong}")
        if quiet and reply.matched:
            own = await self._store.search(request.user_id, self._embedder.vector(request.query), K)
            if not fits(own, reply.sources):
                raise StaleError(f"{request} still shares {reply}, but finds {own}")
        return reply

    def _wrong(self, query: str, reply: Reply, admissible: dict[str, list[Version]]) -> str | None:
        # Another wording's answer is what the uncached pipeline gives to that wording.
        answered = reply.matched or query
        vector = self._embedder.vector(answered)
        wrong = explain(reply.sources, admissible, lambda chunk: found(vector, chunk), K)
        text = reply.answer.text if reply.answer else None
        if wrong is None and text != (quote(answered, reply.sources) if reply.sources else None):
            return "the text is not of its sources"
        return wrong

    async def _write(self, user: str, note_id: str, text: str | None) -> int:
        """Let a note's owner store it, or delete it; gives its version."""
        self._version += 1
        version = self._version
        while True:
            try:
                if text is None:
                    await self._store.delete(user, note_id, version=version, changed_at=version)
                else:
                    contents = text.split()
                    vectors = [self._embedder.vector(content) for content in contents]
                    note = Note(user, note_id, "", text, version, version)
                    await self._store.replace(note, to_chunks(note_id, contents, vectors))
            except UnavailableError:
                continue
            return version

    def _change(
        self,
        user: str,
        note_id: str | None,
        operation: Operation,
        text: str | None = None,
        version: int | None = None,
    ) -> NoteChanged:
        if version is None:
            self._version += 1
            version = self._version
        return NoteChanged(
            user_id=user,
            note_id=note_id,
            operation=operation,
            occurred_at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=version),
            text=text,
        )

    def _publish(self, *change: Any, version: int | None = None) -> None:
        message = self._change(*change, version=version)
        for _ in range(self._rng.choice((1, 1, 1, 2))):
            self._spawn(self._deliver(message))

    async def _deliver(self, change: NoteChanged) -> None:
        """Let the queue deliver a message until a handler has acknowledged it."""
        await self._wait()
        acknowledged = False
        while not acknowledged:
            attempt = asyncio.ensure_future(self._handle(change))
            acknowledged = bool(await self._perhaps_killed(attempt))

    async def _handle(self, change: NoteChanged) -> bool:
        began = self._history.tick()
        try:
            await self._freshness.note_changed(change)
        except UnavailableError:
            return False
        since = self._history.written.get(asyncio.current_task(), began)
        self._history.acknowledge(change.user_id, change.note_id, since)
        self._connection.changes.append((change.user_id, began, self._history.tick()))
        return True

    async def _perhaps_killed(self, attempt: "asyncio.Future[Any]") -> Any:
        """Wait for a task, or cancel it, or no longer wait for it, as a queue does."""
        if self._chance.strikes():
            await self._wait()
            if self._rng.random() < 0.5:
                self._tasks.append(asyncio.ensure_future(attempt))
                return None
            attempt.cancel()
        try:
            return await attempt
        except asyncio.CancelledError:
            return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def _settle(self) -> None:
        """Wait for whatever is under way, but for what is frozen."""
        done = 0
        while done < len(self._tasks):
            await self._tasks[done]
            done += 1

    async def _wait(self) -> None:
        for _ in range(self._rng.choice((0, 2, 8, 30))):
            await asyncio.sleep(0)

    def _text(self, user: str) -> str:
        """Up to three chunks; one with a number differs from every other of its word."""
        chunks = []
        for _ in range(self._rng.choice((0, 1, 1, 2, 3))):
            number = f"-{self._version}" if self._rng.random() < 0.5 else ""
            near = self._rng.choice(("", "~"))
            chunks.append(f"{near}{self._rng.choice(self._vocabulary)}{number}-{user}")
        return " ".join(chunks)


def _vectors(rng: Random) -> dict[str, Vector]:
    """Few directions in few dimensions, at several lengths: many cosines are equal, or nearly.

    Beside each word there is one near it, with a tilde, which may find other passages.
    """
    directions = [_some(rng, 2) for _ in range(rng.randint(2, 4))]
    vectors = {}
    for word in WORDS:
        direction = rng.choice(directions)
        vectors[word] = direction * np.int8(rng.randint(1, 9))
        vectors[f"~{word}"] = 3 * direction + _some(rng, rng.choice((1, 2, 3)))
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
    )
