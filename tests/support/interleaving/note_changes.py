"""Changes notes and delivers the messages of a simulated queue."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from shared.errors import UnavailableError
from shared.freshness import Freshness
from shared.notes.chunking import build_chunks
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.notes.note import Note
from tests.support.interleaving.adapters import WatchedRedisClient, WatchedStore, WordEmbedder
from tests.support.interleaving.history import History
from tests.support.interleaving.tasks import Tasks


class NoteChanges:
    """Changes notes by messages with their text, or in the store followed by a message."""

    def __init__(
        self,
        rng: Random,
        tasks: Tasks,
        *,
        freshness: Freshness,
        history: History,
        redis_client: WatchedRedisClient,
        store: WatchedStore,
        embedder: WordEmbedder,
        notes: Sequence[str],
        words: Sequence[str],
    ) -> None:
        self._rng = rng
        self._tasks = tasks
        self._freshness = freshness
        self._history = history
        self._redis_client = redis_client
        self._store = store
        self._embedder = embedder
        self._notes = notes
        self._words = words
        self._version = 0

    async def change(self, user: str) -> None:
        """Make one random change of a user's notes and publish its message."""
        note_id, act = self._rng.choice(self._notes), self._rng.random()
        if act < 0.4:
            self._publish(self._message(user, note_id, Operation.UPDATED, self.text(user)))
        elif act < 0.7:
            await self.write(user, note_id, self.text(user))
            self._publish(self._message(user, note_id, Operation.UPDATED))
        elif act < 0.8:
            self._publish(self._message(user, note_id, Operation.DELETED))
        elif act < 0.9:
            version = await self.write(user, note_id, None)
            self._publish(self._message(user, note_id, Operation.DELETED, version=version))
        elif act < 0.95:
            for name in self._rng.sample(self._notes, 2):
                await self.write(user, name, self.text(user))
            self._publish(self._message(user, None, Operation.ALL_CHANGED))
        else:
            self._publish(self._message(user, None, Operation.USER_DELETED))

    async def delete_user(self, user: str) -> None:
        await self._freshness.note_changed(self._message(user, None, Operation.USER_DELETED))

    async def write(self, user: str, note_id: str, text: str | None) -> int:
        """Write or delete a note in the store. Return its version."""
        version = self._next_version()
        while True:
            try:
                if text is None:
                    await self._store.delete_note(
                        user, note_id, version=version, changed_at=version
                    )
                else:
                    contents = text.split()
                    vectors = [self._embedder.vector(content) for content in contents]
                    note = Note(user, note_id, "", text, version, version)
                    await self._store.replace_note(note, build_chunks(note_id, contents, vectors))
            except UnavailableError:
                continue
            return version

    def text(self, user: str, *, plain: bool = False) -> str:
        """Return a text of up to three chunks. A number makes a chunk unique."""
        chunks = []
        for _ in range(self._rng.choice((0, 1, 1, 2, 3))):
            near = "" if plain else self._rng.choice(("", "~"))
            number = f"-{self._version}" if self._rng.random() < 0.5 else ""
            chunks.append(f"{near}{self._rng.choice(self._words)}{number}-{user}")
        return " ".join(chunks)

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    def _message(
        self,
        user: str,
        note_id: str | None,
        operation: Operation,
        text: str | None = None,
        version: int | None = None,
    ) -> NoteChanged:
        after = timedelta(microseconds=version or self._next_version())
        return NoteChanged(
            user_id=user,
            note_id=note_id,
            operation=operation,
            occurred_at=datetime(1970, 1, 1, tzinfo=UTC) + after,
            text=text,
        )

    def _publish(self, message: NoteChanged) -> None:
        if message.operation is Operation.USER_DELETED:
            self._history.deleted.add(message.user_id)
        for _ in range(self._rng.choice((1, 1, 1, 2))):
            self._tasks.spawn(self._deliver(message))

    async def _deliver(self, message: NoteChanged) -> None:
        """Deliver a message after a delay, until a handler acknowledges it."""
        await self._tasks.pause()
        while not await self._tasks.outcome(self._handle(message)):
            pass

    async def _handle(self, message: NoteChanged) -> bool:
        began = self._history.tick()
        try:
            await self._freshness.note_changed(message)
        except UnavailableError:
            return False
        since = self._history.written.get(asyncio.current_task(), began)
        self._history.acknowledge(message.user_id, message.note_id, since)
        self._redis_client.changes.append((message.user_id, began, self._history.tick()))
        return True
