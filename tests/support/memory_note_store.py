"""A note store in memory, which passes the same contract tests as the database stores."""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shared.errors import ReembeddingRequiredError
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.note import Chunk, Note, Source
from shared.notes.sanitize import require_id, sanitize_text
from shared.notes.store import ALL_NOTES
from shared.notes.version_order import (
    TOMBSTONE_SECONDS,
    Order,
    VersionState,
    latest_plausible,
    user_digest,
)
from shared.tags import Tags, normalize_note_tags, searches
from shared.vectors import Vector, cosines, stack


class MemoryNoteStore:
    """A `NoteStore` in dictionaries. It awaits nothing, so every call is atomic."""

    def __init__(
        self,
        profile: EmbeddingProfile | None = None,
        *,
        tombstone_seconds: float = TOMBSTONE_SECONDS,
    ) -> None:
        self._profile = profile.text if profile else ""
        self._tombstone_seconds = tombstone_seconds
        self._notes: dict[str, dict[str, tuple[Note, tuple[Chunk, ...]]]] = {}
        self._profiles: dict[tuple[str, str], str | None] = {}
        self._deleted: dict[tuple[str, str], tuple[Order, float]] = {}
        self._deleted_users: dict[bytes, tuple[int, float]] = {}

    async def search(
        self, user_id: str, embedding: Vector, k: int, tags: Tags = ()
    ) -> list[Source]:
        require_id("user_id", user_id)
        chunks = [
            chunk
            for note, stored in self._get_notes(user_id).values()
            if searches(tags, note.tags)
            for chunk in stored
        ]
        self._require_profile(*self._get_notes(user_id).values())
        if any(chunk.embedding.size != embedding.size for chunk in chunks):
            raise ReembeddingRequiredError("other dimensions")
        chunks.sort(key=lambda chunk: chunk.chunk_id)
        if not chunks:
            return []
        similarities = cosines(embedding, stack([chunk.embedding for chunk in chunks]))
        order = np.argsort(-similarities, kind="stable")[:k]
        return [
            Source(
                chunk.chunk_id,
                chunk.note_id,
                chunk.content,
                float(similarities[index]),
                chunk.title,
                chunk.headings,
            )
            for index, chunk in ((index, chunks[index]) for index in order)
        ]

    async def get_chunks(self, user_id: str, note_id: str) -> list[Chunk]:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        stored = self._get_notes(user_id).get(note_id)
        return list(stored[1]) if stored else []

    async def replace_note(
        self, note: Note, chunks: Sequence[Chunk] | None, *, replaces: int | None = None
    ) -> bool:
        key = (note.user_id, note.note_id)
        clean = replace(
            note,
            title=sanitize_text(note.title),
            text=sanitize_text(note.text),
            tags=normalize_note_tags(note.tags),
        )
        if not self._read_version_state(*key).accepts(_order_of(clean), replaces):
            return False
        stored = self._get_notes(note.user_id).get(note.note_id)
        if chunks is None and stored and self._profiles[key] is not None:
            old = stored[0]
            if old.version == clean.version and _content_of(old) == _content_of(clean):
                return False
        self._deleted.pop(key, None)
        self._put(clean, chunks)
        return True

    async def update_chunks(self, note: Note, chunks: Sequence[Chunk] | None) -> bool:
        stored = self._get_notes(note.user_id).get(note.note_id)
        if stored is None:
            return False
        old = stored[0]
        if (old.version, old.title, old.text) != (note.version, note.title, note.text):
            return False
        self._put(stored[0], chunks)
        return True

    async def count_outdated(self) -> int:
        return len(await self.list_outdated(("", ""), 10**9))

    async def list_outdated(self, after: tuple[str, str], limit: int) -> list[Note]:
        keys = sorted((user, note_id) for user, notes in self._notes.items() for note_id in notes)
        notes = [self._notes[user][note_id] for user, note_id in keys if (user, note_id) > after]
        return [note for note, chunks in notes if self._is_outdated(note, chunks)][:limit]

    async def delete_note(
        self,
        user_id: str,
        note_id: str,
        *,
        version: int,
        changed_at: int,
        sequence: int | None = None,
        replaces: int | None = None,
    ) -> bool:
        state = self._read_version_state(user_id, note_id)
        deletion = Order(version, changed_at, sequence=sequence)
        if not state.accepts(deletion, replaces):
            return False
        if state.needs_tombstone(deletion):
            self._get_notes(user_id).pop(note_id, None)
            self._deleted[user_id, note_id] = (deletion, time.time())
        return True

    async def delete_user(self, user_id: str, *, changed_at: int) -> bool:
        require_id("user_id", user_id)
        self._purge()
        latest = latest_plausible()
        later = {
            note_id: stored
            for note_id, stored in self._notes.pop(user_id, {}).items()
            if changed_at < stored[0].changed_at <= latest
        }
        if later:
            self._notes[user_id] = later
        for key in [(user, note_id) for user, note_id in self._profiles if user == user_id]:
            if key[1] not in later:
                del self._profiles[key]
        for key, (deletion, _) in list(self._deleted.items()):
            if key[0] == user_id and not changed_at < deletion.changed_at <= latest:
                del self._deleted[key]
        digest = user_digest(user_id)
        stored_at = self._deleted_users.get(digest, (changed_at,))[0]
        last = stored_at if changed_at < stored_at <= latest else changed_at
        self._deleted_users[digest] = (last, time.time())
        return not later and all(user != user_id for user, _ in self._deleted)

    async def get_note(self, user_id: str, note_id: str) -> Note | None:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        stored = self._get_notes(user_id).get(note_id)
        return stored[0] if stored else None

    async def list_notes(
        self, user_id: str, *, after: str = "", limit: int = ALL_NOTES
    ) -> list[Note]:
        require_id("user_id", user_id)
        stored = sorted(self._get_notes(user_id).items())
        return [note for note_id, (note, _) in stored if note_id > after][:limit]

    async def ping(self) -> None:
        for notes in self._notes.values():
            self._require_profile(*notes.values())

    async def aclose(self) -> None:
        """Return; there is nothing to close."""

    def _put(self, note: Note, chunks: Sequence[Chunk] | None) -> None:
        self._profiles[note.user_id, note.note_id] = None if chunks is None else self._profile
        self._notes.setdefault(note.user_id, {})[note.note_id] = (
            note,
            tuple(
                replace(
                    chunk,
                    content=sanitize_text(chunk.content),
                    headings=sanitize_text(chunk.headings),
                    title=note.title,
                    tags=note.tags,
                )
                for chunk in chunks or ()
            ),
        )

    def _is_outdated(self, note: Note, chunks: Sequence[Chunk]) -> bool:
        profile = self._profiles[note.user_id, note.note_id]
        return not chunks if profile is None else profile != self._profile

    def _require_profile(self, *notes: tuple[Note, tuple[Chunk, ...]]) -> None:
        profiles = {self._profiles[note.user_id, note.note_id] for note, _ in notes}
        if profiles - {None, self._profile}:
            raise ReembeddingRequiredError("another profile")

    def _get_notes(self, user_id: str) -> dict[str, tuple[Note, tuple[Chunk, ...]]]:
        return self._notes.get(user_id, {})

    def _read_version_state(self, user_id: str, note_id: str) -> VersionState:
        require_id("user_id", user_id)
        require_id("note_id", note_id)
        self._purge()
        stored = self._get_notes(user_id).get(note_id)
        tombstone = self._deleted.get((user_id, note_id))
        user = self._deleted_users.get(user_digest(user_id))
        order = _order_of(stored[0]) if stored else tombstone[0] if tombstone else None
        return VersionState(order, user[0] if user else None)

    def _purge(self) -> None:
        oldest = time.time() - self._tombstone_seconds
        self._deleted = {key: row for key, row in self._deleted.items() if row[-1] > oldest}
        self._deleted_users = {
            digest: row for digest, row in self._deleted_users.items() if row[-1] > oldest
        }


def _order_of(note: Note) -> Order:
    return Order(note.version, note.changed_at, _content_of(note), note.sequence)


def _content_of(note: Note) -> tuple[str, str, Tags]:
    return note.title, note.text, note.tags
