"""Stores from before embedding profiles, chunks of other programs, and what requests get."""

import json
import sqlite3
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import numpy as np
import pytest

from functions.ask.app import create_app
from shared.container import Container
from shared.errors import ReembeddingRequiredError
from shared.notes import sqlite_migration
from shared.notes.note import Note
from shared.notes.postgres import migration
from shared.notes.postgres.store import PostgresNoteStore
from shared.notes.sqlite import SQLiteNoteStore
from shared.settings import Settings
from shared.vectors import canonical, to_bytes
from tests.support.chunks import build_chunks
from tests.support.fakes import HashingEmbedder, SlowAnswerer
from tests.support.note_backends import DIMENSIONS, PROFILE, Backend, Postgres, SQLite

OTHER = replace(PROFILE, model="other")
LONGER = replace(PROFILE, dimensions=DIMENSIONS + 1)
QUOTED = replace(PROFILE, passage_prefix="it's a \\ passage: ")
VECTOR = canonical(np.arange(1, DIMENSIONS + 1))


class Database:
    """A database in its first version, with a note and a blank note, and SQL to change it."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    async def execute(self, statement: str) -> None:
        if isinstance(self.backend, SQLite):
            with closing(sqlite3.connect(self.backend._path)) as connection:
                connection.executescript(statement)
            return
        assert isinstance(self.backend, Postgres)
        connection = await asyncpg.connect(self.backend._url)
        await connection.execute(statement)
        await connection.close()

    async def insert(self, note_id: str, dimensions: int = DIMENSIONS) -> None:
        """Insert a note with one chunk as a program does that does not know profiles."""
        components = [*range(1, dimensions + 1)]
        is_sqlite = isinstance(self.backend, SQLite)
        data = to_bytes(np.array(components, dtype=np.int8)).hex()
        embedding = f"x'{data}'" if is_sqlite else f"'{json.dumps(components)}'"
        await self.execute(f"""
            INSERT INTO notes (user_id, note_id, title, text, version, changed_at)
            VALUES ('ann', '{note_id}', '', 'Text', 1, 1);
            INSERT INTO chunks (user_id, note_id, ordinal, chunk_id, content, embedding)
            VALUES ('ann', '{note_id}', 0, '{note_id}#0', 'Text', {embedding});
        """)  # noqa: S608 - of this test


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "sqlite":
        return SQLite(tmp_path / "notes.db")
    return Postgres(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    """Create the tables of the first version."""
    first = tmp_path / "migrations"
    first.mkdir()
    migrations = sorted(migration._MIGRATIONS.glob("*.sql"))
    (first / migrations[0].name).write_text(migrations[0].read_text())
    with monkeypatch.context() as patch:
        patch.setattr(migration, "_MIGRATIONS", first)
        patch.setattr(sqlite_migration, "MIGRATIONS", sqlite_migration.MIGRATIONS[:1])
        store = await backend.open()
        async with aclosing(store):
            with pytest.raises(Exception):  # noqa: B017, PT011 - the driver's own
                await store.ping()
    return Database(backend)


@pytest.mark.parametrize("profile", [PROFILE, QUOTED], ids=["plain", "quoted"])
async def test_notes_from_before_profiles_get_the_profile_of_the_settings(
    database: Database, profile: Any
) -> None:
    await database.insert("n")
    async with aclosing(await database.backend.open(profile)) as store:
        (found,) = await store.search("ann", VECTOR, 5)
        assert (found.content, found.title, found.headings) == ("Text", "", "")
        assert [note.tags for note in await store.list_notes("ann")] == [()]
        assert await store.search("ann", VECTOR, 5, ("a",)) == []
        await store.ping()
        assert await store.count_outdated() == 0
    async with aclosing(await database.backend.open(OTHER)) as store:
        with pytest.raises(ReembeddingRequiredError):
            await store.search("ann", VECTOR, 5)
        assert await store.count_outdated() == 1


async def test_note_of_the_first_version_is_replaced_by_a_change_with_a_sequence(
    database: Database,
) -> None:
    await database.insert("n")
    await database.execute("UPDATE notes SET version = 2000000, changed_at = 2000000")
    async with aclosing(await database.backend.open()) as store:
        (before,) = await store.list_notes("ann")
        assert before.sequence is None
        after = replace(before, text="After", version=1, changed_at=1, sequence=1)
        assert await store.replace_note(after, [])
        assert not await store.replace_note(before, [])
        assert await store.list_notes("ann") == [after]


async def test_notes_from_before_profiles_with_other_dimensions_must_be_embedded_again(
    database: Database,
) -> None:
    await database.insert("n")
    longer = canonical(np.ones(LONGER.dimensions))
    async with aclosing(await database.backend.open(LONGER)) as store:
        for _ in range(2):
            with pytest.raises(ReembeddingRequiredError):
                await store.search("ann", longer, 5)
            with pytest.raises(ReembeddingRequiredError):
                await store.ping()
        (outdated,) = await store.list_outdated(("", ""), 9)
        assert await store.update_chunks(outdated, build_chunks("n", ["Text"], [longer]))
        assert [found.content for found in await store.search("ann", longer, 5)] == ["Text"]
        await store.ping()


async def test_chunks_of_another_program_are_searched_while_their_dimensions_agree(
    backend: Backend,
) -> None:
    async with aclosing(await backend.open()) as store:
        await store.ping()
        await store.replace_note(
            Note("ann", "m", "", "Text", 1, 1), build_chunks("m", ["Ours"], [VECTOR])
        )
        await Database(backend).insert("n")
        found = await store.search("ann", VECTOR, 5)
        assert [each.content for each in found] == ["Ours", "Text"]
        await Database(backend).insert("o", LONGER.dimensions)
        with pytest.raises(ReembeddingRequiredError):
            await store.search("ann", VECTOR, 5)
        assert await store.count_outdated() == 0


async def test_questions_and_health_report_that_notes_must_be_embedded_again(
    backend: Backend, valkey_url: str
) -> None:
    command = "tercet reembed" if isinstance(backend, SQLite) else "python -m infra.reembed"

    def container(prefix: str) -> Container:
        settings = Settings(
            redis_url=valkey_url, redis_timeout=5, passage_prefix=prefix, local_mode=True
        )
        made = Container(settings, embedder=HashingEmbedder(), answerer=SlowAnswerer())
        if isinstance(backend, SQLite):
            made.override(store=SQLiteNoteStore(backend._path, made.embedding_profile))
        elif isinstance(backend, Postgres):
            made.override(store=PostgresNoteStore(backend._url, made.embedding_profile))
        return made

    before, after = container(""), container("passage: ")
    if isinstance(before.store, PostgresNoteStore):
        await before.store.migrate()
    embeddings = await before.passage_embedder.embed(["Text"])
    await before.store.replace_note(
        Note("ann", "n", "", "Text", 1, 1), build_chunks("n", ["Text"], embeddings)
    )
    body = {"query": "What is faith?"}
    for each, status in (before, 200), (after, 503), (before, 200):
        transport = httpx.ASGITransport(create_app(each))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response = await client.post(
                "/assistant/query", json=body, headers={"X-Tercet-User": "ann"}
            )
            health = (await client.get("/health")).json()
        assert response.status_code == status, response.text
        if status == 503:
            problem = response.json()
            assert problem["type"] == "urn:problem-type:tercet:re-embedding-required"
            assert command in problem["detail"]
            assert (health["status"], health["store"]) == ("degraded", "reembedding_required")
        else:
            assert (health["status"], health["store"]) == ("healthy", "ok")
    for each in before, after:
        await each.aclose()
