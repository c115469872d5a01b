"""What a world's pipelines await: each port waits its turn, takes effect, and waits again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

import redis

from shared.cache.redis.commands import Command
from shared.cache.redis.single_server import SingleServerClient
from shared.errors import (
    CacheUnavailableError,
    CircuitOpenError,
    InferenceUnavailableError,
    StoreUnavailableError,
    UnavailableError,
)
from shared.inference.ports import Completion
from shared.notes.note import Chunk, Note, Source
from shared.vectors import Vector, cosines
from tests.support.interleaving.climates import Climate
from tests.support.interleaving.history import History, StaleError, rank
from tests.support.stores import MemoryNoteStore

T = TypeVar("T")


class Chance:
    """What a seed decides beside the loop: how long anything takes, and what fails."""

    def __init__(self, climate: Climate, rng: Random) -> None:
        self.rng = rng
        self.calm = False
        self.frozen: set[object] = set()
        """Tasks whose container will be frozen for good."""
        self._turns = rng.choice(climate.turns)
        self._faults = rng.choice(climate.faults)
        self._repeated = climate.repeated
        self.speechless = rng.choice(climate.speechless)
        """How often the model has no answer, so that a context is kept alone."""
        self.paused = rng.choice(climate.paused) if climate.paused else 0.0

    async def pause(self) -> None:
        """Let others go first, for a while or for ever."""
        if self.calm:
            return
        for _ in range(self.rng.choice(self._turns)):
            await asyncio.sleep(0)
        if self.frozen and asyncio.current_task() in self.frozen and self.rng.random() < 0.2:
            await asyncio.get_running_loop().create_future()

    def strikes(self) -> bool:
        return not self.calm and self.rng.random() < self._faults

    def repeats(self) -> bool:
        return bool(self._repeated) and not self.calm and self.rng.random() < self._repeated

    async def port(self, effect: Callable[[], Awaitable[T]], error: type[UnavailableError]) -> T:
        """Use a port: it may fail before its effect, and after."""
        await self.pause()
        if self.strikes():
            raise error("struck before")
        result = await effect()
        await self.pause()
        if self.strikes():
            raise error("struck after")
        return result


class Wire:
    """A blocking connection to a real server: one for all worlds of a process."""

    def __init__(self, url: str) -> None:
        self._pool = redis.ConnectionPool.from_url(url)
        self._connection: Any = self._pool.get_connection()  # whose methods are not typed

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


class WatchedConnection(SingleServerClient):
    """`RedisClient` over a `Wire`; a command whose caller gave up may still take effect, later.

    It also sees that nobody who asks after a change joins a flight from before it.
    """

    def __init__(self, wire: Wire, chance: Chance, history: History) -> None:
        super().__init__(redis.asyncio.Redis(), timeout=1)  # which is never used
        self._wire = wire
        self._chance = chance
        self._history = history
        self._asks: dict[object, tuple[str, int]] = {}
        self._looked: dict[object, int] = {}
        self._flights: dict[str, int] = {}
        self.changes: list[tuple[str, int, int]] = []
        """Whose notes changed, from when until when it was acknowledged."""
        self.late: list[asyncio.Task[list[Any]]] = []
        self._alive = True
        self._deaths = 0

    def begins(self, user: str) -> int:
        """Take down that the task asks for this user, and when it began."""
        self._asks[asyncio.current_task()] = user, self._history.tick()
        return self._history.now

    def die(self) -> None:
        """Let the server be gone: what is under way with it brings no reply."""
        self._alive, self._deaths = False, self._deaths + 1

    def return_(self, *, empty: bool) -> None:
        """Let it be there again, with all that it had or without; scripts it never keeps."""
        self._wire.send(("SCRIPT", "FLUSH"), *([("FLUSHALL",)] if empty else []))
        self._alive = True

    async def execute(self, *commands: Command, within: float | None = None) -> list[Any]:
        del within
        deaths = self._deaths
        if self._chance.strikes() and self._chance.rng.random() < 0.5:
            self.late.append(asyncio.ensure_future(self._late(commands)))
            raise CacheUnavailableError("struck, but not stopped")
        if self._chance.repeats():
            await self._chance.port(lambda: self._send(commands), CacheUnavailableError)
        replies = await self._chance.port(lambda: self._send(commands), CacheUnavailableError)
        if self._deaths > deaths:
            raise CacheUnavailableError("its reply was lost")
        return replies

    async def _late(self, commands: Sequence[Command]) -> list[Any]:
        for _ in range(self._chance.rng.randrange(60)):
            await asyncio.sleep(0)
        return await self._send(commands)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        deaths = self._deaths
        # A pipeline is no transaction: others may come between two of its commands.
        whole = self._chance.calm or self._chance.rng.random() < 0.7
        for batch in [commands] if whole else [[command] for command in commands]:
            if replies:
                await self._chance.pause()
            if not self._alive or self._deaths > deaths:
                raise CacheUnavailableError("it is dead")
            self._history.tick()
            replies += self._wire.send(*(command.arguments for command in batch))
        if (task := asyncio.current_task()) in self._asks:
            for command, reply in zip(commands, replies, strict=True):
                self._watch(task, command, reply)
        return replies

    def _watch(self, task: object, command: Command, reply: Any) -> None:
        if command.name != "acquire_lock" or ":lock:" not in command.keys[0]:
            # What an ask sends before it tries for a flight is its round trip 1.
            self._looked[task] = self._history.now
            return
        (flight,), token = command.keys, command.arguments[4]
        if reply == str(token).encode():
            self._flights[flight] = self._looked.get(task, 0)
        elif flight in self._flights:
            user, began = self._asks[task]
            for whose, since, until in self.changes:
                if whose == user and self._flights[flight] < since and until < began:
                    raise StaleError("joined a flight from before an acknowledged change")


class WatchedStore(MemoryNoteStore):
    """Notes in memory, with PostgreSQL's arithmetic; the history sees each write."""

    def __init__(self, chance: Chance, history: History) -> None:
        super().__init__()
        self._chance = chance
        self._history = history

    async def search(self, user_id: str, embedding: Vector, k: int) -> list[Source]:
        async def effect() -> list[Source]:
            chunks = [chunk for _, held in self._of(user_id).values() for chunk in held]
            return sorted((found(embedding, chunk) for chunk in chunks), key=rank)[:k]

        return await self._chance.port(effect, StoreUnavailableError)

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        effect = super().get_chunks
        return await self._chance.port(lambda: effect(user_id, note_id), StoreUnavailableError)

    async def replace_note(self, note: Note, chunks: Sequence[Chunk]) -> bool:
        effect = super().replace_note
        return await self._write(note.user_id, lambda: effect(note, chunks))

    async def delete_note(
        self, user_id: str, note_id: str, *, version: int, changed_at: int
    ) -> bool:
        effect = super().delete_note
        return await self._write(
            user_id, lambda: effect(user_id, note_id, version=version, changed_at=changed_at)
        )

    async def delete_user(self, user_id: str, *, changed_at: int) -> None:
        effect = super().delete_user
        await self._write(user_id, lambda: effect(user_id, changed_at=changed_at))

    async def _write(self, user_id: str, effect: Callable[[], Awaitable[T]]) -> T:
        async def watched() -> T:
            result = await effect()
            notes = {note_id: held[1] for note_id, held in self._of(user_id).items()}
            self._history.observe(user_id, notes, asyncio.current_task())
            return result

        return await self._chance.port(watched, StoreUnavailableError)


def found(query: Vector, chunk: Chunk) -> Source:
    """What a search makes of a chunk: PostgreSQL gives 1 - (1 - cosine)."""
    similarity = 1 - (1 - float(cosines(query, chunk.embedding[None])[0]))
    return Source(chunk.chunk_id, chunk.note_id, chunk.content, similarity)


class WordEmbedder:
    """Embeds a question whole, and a chunk by what stands before its first dash."""

    model = "words"

    def __init__(self, vectors: Mapping[str, Vector], chance: Chance) -> None:
        self._vectors = vectors
        self._chance = chance
        self.dimensions = len(next(iter(vectors.values())))

    def vector(self, text: str) -> Vector:
        return self._vectors[text.split("-", maxsplit=1)[0]]

    async def embed(self, texts: Sequence[str]) -> list[Vector]:

        async def effect() -> list[Vector]:
            return [self.vector(text) for text in texts]

        return await self._chance.port(effect, InferenceUnavailableError)


class QuotingAnswerer:
    """Answers with the question and all that it was given."""

    model = "quotes"

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    async def answer(self, question: str, sources: Sequence[Source]) -> Completion:

        async def effect() -> Completion:
            return Completion(quote(question, sources), self.model)

        paused = 0.0 if self._chance.calm else self._chance.paused
        if paused and self._chance.rng.random() < paused:
            raise CircuitOpenError("left alone")
        if self._chance.rng.random() < self._chance.speechless:
            raise InferenceUnavailableError("struck")
        return await self._chance.port(effect, InferenceUnavailableError)


def quote(question: str, sources: Sequence[Source]) -> str:
    return f"{question}: {'; '.join(source.content for source in sources)}"
