"""The three note stores, with functions to open another instance and to dump all rows."""

import copy
import sqlite3
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.postgres.store import PostgresNoteStore
from shared.notes.sqlite import SQLiteNoteStore
from shared.notes.store import NoteStore
from tests.support.memory_note_store import MemoryNoteStore

DIMENSIONS = 8
PROFILE = EmbeddingProfile("model", DIMENSIONS)


class Backend(Protocol):
    async def open(self, profile: EmbeddingProfile = PROFILE, **options: Any) -> NoteStore:
        """Return another store object over the same notes."""
        ...

    async def dump(self) -> str:
        """Return every row of every table as text."""
        ...


class Memory:
    def __init__(self) -> None:
        self._store: MemoryNoteStore | None = None

    async def open(self, profile: EmbeddingProfile = PROFILE, **options: Any) -> NoteStore:
        if self._store is None or options:
            self._store = MemoryNoteStore(profile, **options)
        if self._store._profile == profile.text:
            return self._store
        other = copy.copy(self._store)
        other._profile = profile.text
        return other

    async def dump(self) -> str:
        return repr(vars(self._store))


class SQLite:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self, profile: EmbeddingProfile = PROFILE, **options: Any) -> NoteStore:
        return SQLiteNoteStore(self._path, profile, **options)

    async def dump(self) -> str:
        connection = sqlite3.connect(self._path)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        rows = [connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables]  # noqa: S608
        connection.close()
        return repr(rows)


class Postgres:
    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self, profile: EmbeddingProfile = PROFILE, **options: Any) -> NoteStore:
        store = PostgresNoteStore(self._url, profile, **options)
        await store.migrate()
        return store

    async def dump(self) -> str:
        connection = await asyncpg.connect(self._url)
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        rows = [await connection.fetch(f"SELECT {name}::text FROM {name}") for (name,) in tables]  # noqa: S608
        await connection.close()
        return repr(rows)
