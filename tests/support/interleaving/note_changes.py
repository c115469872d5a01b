"""Changes notes and delivers the messages of a simulated queue."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

from shared.errors import NoteNotEmbeddedError, UnavailableError
from shared.freshness import Freshness
from shared.notes.messages.note_changed import NOTE_OPERATIONS, NoteChanged, Operation
from shared.notes.note import Note
from shared.notes.version_order import latest_plausible, now
from shared.tags import Tags
from tests.support.chunks import build_chunks
from tests.support.interleaving.adapters import (
    REFUSED,
    WatchedRedisClient,
    WatchedStore,
    WordEmbedder,
)
from tests.support.interleaving.history import History, StaleError
from tests.support.interleaving.scenarios import Scenario
from tests.support.interleaving.tasks import Tasks

_MAX_RECEIVES = 3
"""How often a message is delivered whose text is always refused."""
_YEARS = 7_900 * 365 * 86_400_000_000
"""Some 7,900 years, in microseconds."""
_BEHIND = (0, 0, 60_000_000, 3_600_000_000)
"""How far a clock is behind, in microseconds."""
TAG_SETS: tuple[Tags, ...] = ((), ("x",), ("y",), ("x", "y"))
_DELETIONS = {Operation.DELETED, Operation.USER_DELETED}


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
        scenario: Scenario,
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
        self._scenario = scenario
        self._version = 0
        self._newest: dict[tuple[str, str], int] = {}
        """The version of the newest acknowledged change, by user and note."""
        self._arrived: dict[str, int] = {}
        """When each message with a time in the future arrived last, by title."""
        self._published: list[NoteChanged] = []

    async def change(self, user: str) -> None:
        """Make one random change of a user's notes and publish its message."""
        note_id, act = self._rng.choice(self._notes), self._rng.random()
        if act < 0.4:
            text = await self._text_of(user, note_id)
            if self._happens(self._scenario.refused_texts):
                text = f"{text} {REFUSED}"
            message = self._message(user, note_id, Operation.UPDATED, text)
            if self._happens(self._scenario.future_times):
                ahead = self._rng.choice((3_600_000_000, _YEARS))
                message = message.at(message.changed_at + ahead)
            self._publish(message)
        elif act < 0.7:
            await self.write(user, note_id, await self._text_of(user, note_id))
            self._publish(self._message(user, note_id, Operation.UPDATED))
        elif act < 0.8:
            self._publish(self._message(user, note_id, Operation.DELETED))
        elif act < 0.9:
            version = await self.write(user, note_id, None)
            self._publish(self._message(user, note_id, Operation.DELETED, version=version))
        elif act < 0.95 or self._scenario.sequenced:  # times order the deletion of a user
            for name in self._rng.sample(self._notes, 2):
                await self.write(user, name, self.text(user))
            self._publish(self._message(user, None, Operation.ALL_CHANGED))
        else:
            self._publish(self._message(user, None, Operation.USER_DELETED))

    async def delete_user(self, user: str) -> None:
        await self._freshness.note_changed(self._message(user, None, Operation.USER_DELETED))

    async def change_last(self, user: str) -> bool:
        """Change a note after all other changes. Return False if there is none to change."""
        note = await self._store.get_note(user, self._rng.choice(self._notes))
        if note is None or REFUSED in note.text:
            return False
        text = self._rng.choice((note.text, self.text(user)))
        await self._freshness.note_changed(
            self._message(user, note.note_id, Operation.UPDATED, text)
        )
        return True

    async def redeliver(self) -> None:
        """Deliver some messages again after all changes: no answer may be dropped."""
        repeatable = [
            message
            for message in self._published
            if message.operation in NOTE_OPERATIONS
            and REFUSED not in (message.text or "")
            and message.changed_at <= latest_plausible()
        ]
        for message in self._rng.sample(repeatable, min(2, len(repeatable))):
            result = await self._freshness.note_changed(message)
            if result.dropped:
                raise StaleError(f"{message} was repeated and dropped {result.dropped} answers")

    async def write(self, user: str, note_id: str, text: str | None) -> int:
        """Write or delete a note in the store. Return its version."""
        version = self._next_version()
        sequence = version if self._scenario.sequenced else None
        while True:
            try:
                if text is None:
                    await self._store.delete_note(
                        user, note_id, version=version, changed_at=version, sequence=sequence
                    )
                else:
                    contents = text.split()
                    vectors = [self._embedder.vector(content) for content in contents]
                    note = Note(
                        *(user, note_id, str(version), text, version, version, sequence),
                        tags=self._choose_tags(),
                    )
                    await self._store.replace_note(note, build_chunks(note_id, contents, vectors))
            except UnavailableError:
                continue
            self._set_newest(user, note_id, version)
            return version

    def _happens(self, share: float) -> bool:
        return bool(share) and self._rng.random() < share

    async def _text_of(self, user: str, note_id: str) -> str:
        """Return a new text for a note, or its present one."""
        if self._happens(self._scenario.same_texts):
            with suppress(UnavailableError):
                if note := await self._store.get_note(user, note_id):
                    return note.text
        return self.text(user)

    def _choose_tags(self) -> Tags:
        return self._rng.choice(TAG_SETS) if self._scenario.tags else ()

    def text(self, user: str, *, plain: bool = False) -> str:
        """Return a text of up to three chunks. A number makes a chunk unique."""
        chunks = []
        for _ in range(self._rng.choice((0, 1, 1, 2, 3))):
            near = "" if plain else self._rng.choice(("", "~"))
            number = f"-{self._version}" if self._rng.random() < 0.5 else ""
            chunks.append(f"{near}{self._rng.choice(self._words)}{number}-{user}")
        return " ".join(chunks)

    def _next_version(self) -> int:
        self._version = max(self._version + 1, now())
        return self._version

    def _message(
        self,
        user: str,
        note_id: str | None,
        operation: Operation,
        text: str | None = None,
        version: int | None = None,
    ) -> NoteChanged:
        version = version or self._next_version()
        message = NoteChanged(
            user_id=user,
            note_id=note_id,
            operation=operation,
            occurred_at=datetime(1970, 1, 1, tzinfo=UTC),
            title=str(version),
            text=text,
            tags=None if text is None else list(self._choose_tags()),
        )
        if not self._scenario.sequenced:
            return message.at(version)
        message = message.model_copy(update={"sequence": version})
        return message.at(version - self._rng.choice(_BEHIND))

    def _publish(self, message: NoteChanged) -> None:
        self._published.append(message)
        if message.operation is Operation.USER_DELETED:
            self._history.deleted.add(message.user_id)
        for _ in range(self._rng.choice(self._scenario.deliveries)):
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
        if is_future := message.changed_at > latest_plausible():
            self._arrived[message.title or ""] = now()
            self._version = max(self._version, now())  # later changes are newer
        try:
            await self._freshness.note_changed(message)
        except NoteNotEmbeddedError:
            # The former text must not be used, as after an acknowledged change.
            embedded = False
        except UnavailableError:
            return False
        since = self._history.written.get(asyncio.current_task(), began)
        self._history.acknowledge(message.user_id, message.note_id, since)
        self._redis_client.changes.append((message.user_id, began, self._history.tick()))
        is_written = message.text is not None or message.operation in _DELETIONS
        for note_id in self._notes if message.note_id is None else [message.note_id]:
            if is_written and not is_future:
                changed = message.sequence or message.changed_at
                self._set_newest(message.user_id, note_id, changed)
            await self._require_no_former_text(message.user_id, note_id)
        return embedded

    def _set_newest(self, user: str, note_id: str, version: int) -> None:
        self._newest[user, note_id] = max(version, self._newest.get((user, note_id), 0))

    async def _require_no_former_text(self, user: str, note_id: str) -> None:
        """Require that a note is not older than its newest acknowledged change.

        The title of a note is the version that its message had before its time was moved ahead.
        """
        note = await self._store.get_note(user, note_id)
        newest = self._newest.get((user, note_id), 0)
        if note and max(int(note.title), self._arrived.get(note.title, 0)) < newest:
            raise StaleError(f"{note_id} still has the text from before a change")
