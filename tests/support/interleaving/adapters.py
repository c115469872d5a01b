"""Test doubles of the ports. Each call yields, takes effect, and yields again."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any, TypeVar
from zlib import crc32

import redis

from shared.cache.redis.commands import Command
from shared.cache.redis.single_server import RedisServerClient
from shared.cache.redis.timeouts import Budget
from shared.conversation import Turn
from shared.deadline import remaining_seconds
from shared.errors import (
    CacheUnavailableError,
    CircuitOpenError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
    StoreUnavailableError,
    UnavailableError,
)
from shared.inference.ports import Completion, OnText
from shared.matching.pair_model.model import load_once
from shared.notes.note import Chunk, Note, Source
from shared.tags import Tags, searches
from shared.vectors import Vector, cosines
from tests.support.interleaving.history import History, rank
from tests.support.interleaving.scenarios import Scenario
from tests.support.memory_note_store import MemoryNoteStore

T = TypeVar("T")


class FaultInjector:
    """Decides by the seed how long a call takes and whether it fails."""

    def __init__(self, scenario: Scenario, rng: Random) -> None:
        self.rng = rng
        self.calm = False
        self.frozen: set[object] = set()
        """Tasks whose container freezes and never continues."""
        self._yields = rng.choice(scenario.yields)
        self._fault_rate = rng.choice(scenario.faults)
        self._resent = scenario.resent
        self.refusing = rng.choice(scenario.refusing)
        """How often the model fails, so that a context is stored without an answer."""
        self.circuit_open = rng.choice(scenario.circuit_open) if scenario.circuit_open else 0.0
        self.incomplete = scenario.incomplete

    def only_yield(self) -> None:
        """Inject no more faults, but yield to other tasks again."""
        self.calm, self._fault_rate, self._resent = False, 0.0, 0.0

    async def pause(self) -> None:
        """Yield to other tasks, or freeze."""
        if self.calm:
            return
        for _ in range(self.rng.choice(self._yields)):
            await asyncio.sleep(0)
        if self.frozen and asyncio.current_task() in self.frozen and self.rng.random() < 0.2:
            await asyncio.get_running_loop().create_future()

    def fails(self) -> bool:
        return not self.calm and self.rng.random() < self._fault_rate

    def resends(self) -> bool:
        return bool(self._resent) and not self.calm and self.rng.random() < self._resent

    async def port(self, effect: Callable[[], Awaitable[T]], error: type[UnavailableError]) -> T:
        """Call a port. It may fail before or after its effect."""
        await self.pause()
        if self.fails():
            raise error("injected before the effect")
        result = await effect()
        await self.pause()
        if self.fails():
            raise error("injected after the effect")
        return result


class Wire:
    """A blocking connection to a Valkey server, for all worlds of a process."""

    def __init__(self, url: str) -> None:
        self._pool = redis.ConnectionPool.from_url(url)
        self._connection: Any = self._pool.get_connection()  # its methods are not typed

    def close(self) -> None:
        self._pool.disconnect()

    def send(self, *commands: Sequence[Any]) -> list[Any]:
        self._connection.send_packed_command(self._connection.pack_commands(commands))
        return [self._reply() for _ in commands]

    def call(self, *command: Any) -> Any:
        (reply,) = self.send(command)
        return reply

    def _reply(self) -> Any:
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error


class WatchedRedisClient(RedisServerClient):
    """`RedisClient` over a `Wire`. A command whose caller gave up may still take effect later.

    It also checks that no request waits for a lock from before an acknowledged change.
    """

    def __init__(self, wire: Wire, fault_injector: FaultInjector, history: History) -> None:
        super().__init__(redis.asyncio.Redis(), timeout=1)  # never used
        self._wire = wire
        self._faults = fault_injector
        self._history = history
        self._asks: dict[object, tuple[str, int]] = {}
        self._lookups: dict[object, int] = {}
        self._locks: dict[str, int] = {}
        self.changes: list[tuple[str, int, int]] = []
        """Acknowledged changes: user, first tick, last tick."""
        self.late: list[asyncio.Task[list[Any]]] = []
        self._alive = True
        self._restarts = 0
        self._has_replica = False

    def begin_ask(self, user: str) -> int:
        """Record that this task sends a request of a user. Return the tick."""
        self._asks[asyncio.current_task()] = user, self._history.tick()
        return self._history.now

    def stop(self) -> None:
        """Stop the server: commands in progress get no reply."""
        self._alive, self._restarts = False, self._restarts + 1

    def restart(self, *, empty: bool) -> None:
        """Restart the server without scripts, with or without its data."""
        self._wire.send(("SCRIPT", "FLUSH"), *([("FLUSHALL",)] if empty else []))
        self._alive = True

    async def execute(
        self, *commands: Command, budget: Budget | None = None, replicas: int = 0
    ) -> list[Any]:
        del budget
        restarts = self._restarts
        if self._faults.fails() and self._faults.rng.random() < 0.5:
            self.late.append(asyncio.ensure_future(self._late(commands)))
            raise CacheUnavailableError("injected, but the command takes effect later")
        if self._faults.resends():
            await self._faults.port(lambda: self._send(commands), CacheUnavailableError)
        replies = await self._faults.port(
            lambda: self._send_and_wait(commands, replicas), CacheUnavailableError
        )
        if self._restarts > restarts:
            raise CacheUnavailableError("injected: the reply was lost")
        return replies

    async def _send_and_wait(self, commands: Sequence[Command], replicas: int) -> list[Any]:
        """Send commands. Like WAIT, replicate only if they wrote something."""
        if not (replicas and self._has_replica):
            return await self._send(commands)
        before = self._writes()
        replies = await self._send(commands)
        if self._writes() > before:
            await self._faults.pause()
            self.replicate()
        return replies

    def _writes(self) -> int:
        found = re.search(rb"changes_since_last_save:(\d+)", self._wire.call("INFO", "persistence"))
        assert found
        return int(found[1])

    def replicate(self) -> None:
        """Copy all keys to the replica, which is database 1."""
        self._has_replica = True
        keys = sorted(self._wire.call("KEYS", "*"))
        self._wire.send(
            ("SELECT", 1),
            ("FLUSHDB",),
            ("SELECT", 0),
            *(("COPY", key, key, "DB", 1) for key in keys),
        )

    def promote_replica(self) -> None:
        """Fail over: commands in progress get no reply."""
        self._restarts += 1
        self._wire.call("SWAPDB", 0, 1)
        self.replicate()

    async def _late(self, commands: Sequence[Command]) -> list[Any]:
        for _ in range(self._faults.rng.randrange(60)):
            await asyncio.sleep(0)
        return await self._send(commands)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        restarts = self._restarts
        # A pipeline is no transaction: other commands may run between two of its commands.
        whole = self._faults.calm or self._faults.rng.random() < 0.7
        for batch in [commands] if whole else [[command] for command in commands]:
            if replies:
                await self._faults.pause()
            if not self._alive or self._restarts > restarts:
                raise CacheUnavailableError("the server is stopped")
            self._history.tick()
            replies += self._wire.send(*(command.arguments for command in batch))
        if (task := asyncio.current_task()) in self._asks:
            for command, reply in zip(commands, replies, strict=True):
                self._check_lock(task, command, reply)
        return replies

    def _check_lock(self, task: object, command: Command, reply: Any) -> None:
        if command.name != "acquire_lock" or ":lock:" not in command.keys[0]:
            # What a request sends before it acquires the lock is round trip 1.
            self._lookups[task] = self._history.now
            return
        key, token = command.keys[0], command.arguments[3 + len(command.keys)]
        if reply == str(token).encode():
            self._locks[key] = self._lookups.get(task, 0)
        elif key in self._locks:
            user, began = self._asks[task]
            for whose, since, until in self.changes:
                if whose == user and self._locks[key] < since and until < began:
                    self._history.violation = "waits for a lock from before an acknowledged change"


class WatchedStore(MemoryNoteStore):
    """Notes in memory, with PostgreSQL's arithmetic. The history records each write."""

    def __init__(self, fault_injector: FaultInjector, history: History) -> None:
        super().__init__()
        self._faults = fault_injector
        self._history = history
        self.rejected = ""
        """What fails during a failover: `writes` or `all`."""

    async def search(
        self, user_id: str, embedding: Vector, k: int, tags: Tags = ()
    ) -> list[Source]:
        async def effect() -> list[Source]:
            self._reject("all")
            chunks = [
                chunk
                for note, held in self._get_notes(user_id).values()
                if searches(tags, note.tags)
                for chunk in held
            ]
            return sorted((to_source(embedding, chunk) for chunk in chunks), key=rank)[:k]

        return await self._faults.port(effect, StoreUnavailableError)

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        get_chunks = super().get_chunks

        async def effect() -> list[Chunk]:
            self._reject("all")
            return await get_chunks(user_id, note_id)

        return await self._faults.port(effect, StoreUnavailableError)

    async def replace_note(
        self, note: Note, chunks: Sequence[Chunk] | None, *, replaces: int | None = None
    ) -> bool:
        effect = super().replace_note
        return await self._write(note.user_id, lambda: effect(note, chunks, replaces=replaces))

    async def delete_note(self, user_id: str, note_id: str, **order: Any) -> bool:
        effect = super().delete_note
        return await self._write(user_id, lambda: effect(user_id, note_id, **order))

    async def delete_user(self, user_id: str, *, changed_at: int) -> bool:
        effect = super().delete_user
        return await self._write(user_id, lambda: effect(user_id, changed_at=changed_at))

    def _reject(self, *failovers: str) -> None:
        if self.rejected in failovers:
            raise StoreUnavailableError("injected: a failover")

    def _put(self, note: Note, chunks: Sequence[Chunk] | None) -> None:
        """Store one of two titles, so that many versions of a note have the same."""
        super()._put(note, chunks)
        stored = tuple(
            replace(chunk, title=f"title {crc32(note.title.encode()) % 2}")
            for chunk in self._notes[note.user_id][note.note_id][1]
        )
        self._notes[note.user_id][note.note_id] = note, stored

    async def _write(self, user_id: str, effect: Callable[[], Awaitable[T]]) -> T:
        async def watched() -> T:
            self._reject("all", "writes")
            result = await effect()
            notes = {note_id: held[1] for note_id, held in self._get_notes(user_id).items()}
            self._history.observe(user_id, notes, asyncio.current_task())
            return result

        return await self._faults.port(watched, StoreUnavailableError)


def to_source(query: Vector, chunk: Chunk) -> Source:
    """Convert a chunk to a search result, as PostgreSQL does: 1 - (1 - cosine)."""
    similarity = 1 - (1 - float(cosines(query, chunk.embedding[None])[0]))
    return Source(
        chunk.chunk_id, chunk.note_id, chunk.content, similarity, chunk.title, chunk.headings
    )


REFUSED = "!"
FOLLOW_UP = "and that?"
"""The last turn of every conversation; it asks what the turn before asks."""


class WordEmbedder:
    """Embeds a question as a whole, and a chunk by its text before the first dash.

    The title before the text is ignored, and a title alone is embedded as the first of the words.
    It always refuses a chunk whose text begins with `REFUSED`.
    """

    model = "words"

    def __init__(self, vectors: Mapping[str, Vector], fault_injector: FaultInjector) -> None:
        self._vectors = vectors
        self._faults = fault_injector
        self.dimensions = len(next(iter(vectors.values())))

    def vector(self, text: str) -> Vector:
        content = text.rpartition("\n")[2].removeprefix(f"{FOLLOW_UP} ")
        if content.isdecimal():
            return next(iter(self._vectors.values()))
        return self._vectors[content.split("-", maxsplit=1)[0]]

    async def embed(self, texts: Sequence[str]) -> list[Vector]:

        async def effect() -> list[Vector]:
            if any(text.rpartition("\n")[2].startswith(REFUSED) for text in texts):
                raise InferenceRefusedError("injected")
            return [self.vector(text) for text in texts]

        return await self._faults.port(effect, InferenceUnavailableError)


class LastTurnRewriter:
    """Rewrites a follow-up to the question of the turn before it."""

    version = "last turn"

    def __init__(self, fault_injector: FaultInjector) -> None:
        self._faults = fault_injector

    async def rewrite(self, question: str, history: Sequence[Turn]) -> Completion:
        del question

        async def effect() -> Completion:
            return Completion(history[-1].content, self.version)

        if self._faults.rng.random() < self._faults.refusing:
            raise InferenceUnavailableError("injected")
        return await self._faults.port(effect, InferenceUnavailableError)


class CachingPairModel:
    """The real pair model, which computes each pair once a process."""

    knows = staticmethod(cache(lambda word: load_once().knows(word)))
    probability = staticmethod(cache(lambda a, b: load_once().probability(a, b)))


class QuotingAnswerer:
    """Answers with the question and all of its sources, in parts of a few characters."""

    model = "quotes"

    def __init__(self, fault_injector: FaultInjector) -> None:
        self._faults = fault_injector
        self.generated: Counter[str] = Counter()
        """How often each question was generated."""

    async def answer(
        self,
        question: str,
        sources: Sequence[Source],
        *,
        on_text: OnText | None = None,
        **_: object,
    ) -> Completion:

        async def effect() -> Completion:
            self.generated[question] += 1
            text = quote(question, sources)
            rate = self._faults.incomplete
            is_incomplete = bool(rate) and self._faults.rng.random() < rate
            if is_incomplete:
                text = text[: len(text) // 2]
            if on_text:
                await self._write(text, on_text)
            return Completion(text, self.model, incomplete=is_incomplete)

        circuit_open = 0.0 if self._faults.calm else self._faults.circuit_open
        if circuit_open and self._faults.rng.random() < circuit_open:
            raise CircuitOpenError("injected")
        if self._faults.rng.random() < self._faults.refusing:
            raise InferenceUnavailableError("injected")
        return await self._faults.port(effect, InferenceUnavailableError)

    async def _write(self, text: str, on_text: OnText) -> None:
        for place in range(0, len(text), 5):
            await self._faults.pause()
            if remaining_seconds() <= 0:
                raise InferenceTimeoutError("injected")
            if self._faults.fails():
                raise InferenceUnavailableError("injected while it writes")
            on_text(text[place : place + 5])


def quote(question: str, sources: Sequence[Source]) -> str:
    return f"{question}: {'; '.join(source.content for source in sources)}"
