"""Changes notes and delivers the messages of a simulated queue."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from shared.errors import NoteNotEmbeddedError, UnavailableError
from shared.freshness import Freshness
from shared.notes.chunking import build_chunks
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.notes.note import Note
from tests.support.interleaving.adapters import (
    REFUSED,
    WatchedRedisClient,
    WatchedStore,
    WordEmbedder,
)
from tests.support.interleaving.history import History, StaleError
from tests.support.interleaving.tasks import Tasks

_MAX_RECEIVES = 3
"""How often a message is delivered whose text is always refused."""


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
        refused_texts: float,
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
        self._refused_texts = refused_texts
        self._version = 0

    async def change(self, user: str) -> None:
        """Make one random change of a user's notes and publish its message."""
        note_id, act = self._rng.choice(self._notes), self._rng.random()
        if act < 0.4:
            text = self.text(user)
            if self._refused_texts and self._rng.random() < self._refused_texts:
                text = f"{text} {REFUSED}"
            self._publish(self._message(user, note_id, Operation.UPDATED, text))
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
        """Deliver a message after a delay, until a handler acknowledges it or it is refused."""
        await self._tasks.pause()
        receives = 1
        while not await self._tasks.outcome(self._handle(message)):
            receives += 1
            if REFUSED in (message.text or "") and receives > _MAX_RECEIVES:
                return

    async def _handle(self, message: NoteChanged) -> bool:
        began = self._history.tick()
        embedded = True
        try:
            await self._freshness.note_changed(message)
        except NoteNotEmbeddedError:
            # The former text must not be used, as after an acknowledged change.
            embedded = False
            await self._require_no_former_text(message)
        except UnavailableError:
            return False
        since = self._history.written.get(asyncio.current_task(), began)
        self._history.acknowledge(message.user_id, message.note_id, since)
        self._redis_client.changes.append((message.user_id, began, self._history.tick()))
        return embedded

    async def _require_no_former_text(self, message: NoteChanged) -> None:
        note = await self._store.get_note(message.user_id, message.note_id or "")
        if note and note.version < message.effective_version:
            raise StaleError(f"{message.note_id} still has the text from before a change")
