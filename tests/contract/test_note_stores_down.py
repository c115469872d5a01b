"""Tests of note stores with an unavailable database, and of their recovery."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from shared.container import Container
from shared.errors import ConfigurationError, StoreUnavailableError
from shared.notes.note import Note
from shared.notes.postgres.store import PostgresNoteStore
from shared.notes.sqlite import SQLiteNoteStore
from shared.question import Request
from shared.settings import Settings
from tests.support.fakes import HashingEmbedder, SlowAnswerer
from tests.support.note_backends import PROFILE
from tests.support.postgres import PostgresServer, database_name

NOTE = Note("ann", "n", "Title", "Text to be deleted", 1, 1)


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_sqlite_is_unavailable_after_waiting_for_another_writer(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    async with aclosing(SQLiteNoteStore(path, PROFILE, busy_timeout=0.05)) as store:
        await store.replace_note(NOTE, [])
        with write_lock(path):
            with pytest.raises(StoreUnavailableError, match="SQLITE_BUSY"):
                await store.delete_note("ann", "n", version=2, changed_at=2)
            assert await store.get_note("ann", "n") == NOTE, "readers are not blocked"
        assert await store.delete_note("ann", "n", version=2, changed_at=2)


async def test_sqlite_reads_do_not_wait_for_a_write_that_waits_for_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    async with aclosing(SQLiteNoteStore(path, PROFILE, busy_timeout=60)) as store:
        await store.replace_note(NOTE, [])
        with write_lock(path):
            writing = asyncio.create_task(store.delete_note("ann", "n", version=2, changed_at=2))
            await asyncio.sleep(0.05)
            assert await store.get_note("ann", "n") == NOTE
            async with aclosing(SQLiteNoteStore(path, PROFILE, busy_timeout=60)) as another:
                assert await another.get_note("ann", "n") == NOTE, "nor does its first read"
            assert not writing.done()
        assert await writing
        assert await store.get_note("ann", "n") is None


async def test_sqlite_without_a_usable_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"no database " * 500)
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "other", tmp_path / "folder", tmp_path / "other" / "notes.db"):
        async with aclosing(SQLiteNoteStore(path, PROFILE)) as store:
            for call in (store.list_notes("ann"), store.ping()):
                with pytest.raises(StoreUnavailableError):
                    await call


async def test_sqlite_works_after_a_cancelled_call(tmp_path: Path) -> None:
    async with aclosing(SQLiteNoteStore(tmp_path / "notes.db", PROFILE)) as store:
        await store.replace_note(NOTE, [])
        for steps in range(30):
            writing = asyncio.create_task(store.replace_note(NOTE, []))
            for _ in range(steps):
                await asyncio.sleep(0)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            assert await store.get_note("ann", "n") == NOTE


async def test_sqlite_overwrites_deleted_content(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    async with aclosing(SQLiteNoteStore(path, PROFILE)) as store:
        await store.replace_note(NOTE, [])
    assert NOTE.text.encode() in path.read_bytes()
    async with aclosing(SQLiteNoteStore(path, PROFILE)) as store:
        await store.delete_user("ann", changed_at=2)
    assert NOTE.text.encode() not in path.read_bytes()


async def test_postgres_that_refuses_connections_is_unavailable(unused_tcp_port: int) -> None:
    url = f"postgresql://ann:secret@127.0.0.1:{unused_tcp_port}/notes"
    async with aclosing(PostgresNoteStore(url, PROFILE)) as store:
        for call in (store.list_notes("ann"), store.ping()):
            with pytest.raises(StoreUnavailableError) as caught:
                await call
            assert "secret" not in str(caught.value)


async def test_postgres_that_does_not_respond_is_unavailable_after_the_timeout() -> None:
    finished = asyncio.Event()

    async def accept_only(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await finished.wait()
        writer.close()

    server = await asyncio.start_server(accept_only, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"postgresql://ann@127.0.0.1:{port}/notes?sslmode=disable"
    async with aclosing(PostgresNoteStore(url, PROFILE, connect_timeout=0.1)) as store:
        with pytest.raises(StoreUnavailableError):
            await asyncio.wait_for(store.list_notes("ann"), timeout=20)
    finished.set()
    server.close()


async def test_postgres_statement_timeout_is_unavailable(postgres_url: str) -> None:
    async with aclosing(PostgresNoteStore(postgres_url, PROFILE, command_timeout=2)) as store:
        await store.migrate()
        other = await asyncpg.connect(postgres_url)
        async with other.transaction():
            await other.execute("LOCK TABLE notes")
            with pytest.raises(StoreUnavailableError):
                await store.list_notes("ann")
        await other.close()
        assert await store.list_notes("ann") == []


async def test_postgres_connections_closed_by_the_server_are_replaced(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """This happens while a container is frozen."""
    async with aclosing(PostgresNoteStore(postgres_url, PROFILE)) as store:
        await store.migrate()
        await asyncio.gather(*(store.list_notes("ann") for _ in range(5)))
        postgres_server.close_connections(postgres_url)  # blocks the event loop
        assert await store.replace_note(NOTE, [])
        assert await store.list_notes("ann") == [NOTE]


async def test_question_meets_its_deadline_when_postgres_does_not_respond(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    """Closing a connection that hangs takes up to a minute here, and no request waits for it."""
    async with aclosing(PostgresNoteStore(postgres_url, PROFILE, connect_timeout=60)) as store:
        await store.migrate()
        container = Container(
            Settings(cache_enabled=False, embedding_dimensions=8),
            store=store,
            embedder=HashingEmbedder(),
            answerer=SlowAnswerer(),
        )
        await container.assistant.ask(Request("ann", "What is faith?"))  # opens a connection
        start = asyncio.get_running_loop().time()
        with postgres_server.frozen():
            with pytest.raises(StoreUnavailableError, match="not read in time"):
                await container.assistant.ask(Request("ann", "What is faith?", seconds=0.5))
            assert asyncio.get_running_loop().time() - start < 20


async def test_postgres_without_tables_is_unavailable_and_names_the_command(
    postgres_url: str,
) -> None:
    async with aclosing(PostgresNoteStore(postgres_url, PROFILE)) as store:
        with pytest.raises(StoreUnavailableError, match=r"run python -m infra\.migrate"):
            await store.list_notes("ann")
        with pytest.raises(StoreUnavailableError, match=r"run python -m infra\.migrate"):
            await store.search("ann", np.zeros(384, dtype=np.int8), 5)


async def test_concurrent_migrations_are_applied_once(postgres_url: str) -> None:
    stores = [PostgresNoteStore(postgres_url, PROFILE) for _ in range(4)]
    await asyncio.gather(*(store.migrate() for store in stores))
    await stores[0].replace_note(NOTE, [])
    await stores[1].migrate()
    assert await stores[1].list_notes("ann") == [NOTE]
    for store in stores:
        await store.aclose()


async def test_installed_pgvector_needs_no_privilege_to_install_it(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    database = database_name(postgres_url)
    await postgres_server.execute(
        database,
        f"CREATE ROLE plain_{database} LOGIN; GRANT CREATE ON SCHEMA public TO plain_{database}",
    )
    url = postgres_url.replace("//postgres:", f"//plain_{database}:")
    async with aclosing(PostgresNoteStore(url, PROFILE)) as store:
        with pytest.raises(ConfigurationError, match="CREATE EXTENSION vector"):
            await store.migrate()
        await postgres_server.execute(database, "CREATE EXTENSION vector")
        await store.migrate()
        assert await store.replace_note(NOTE, [])


async def test_ids_are_sorted_by_code_point_in_any_database(
    postgres_url: str,
) -> None:
    async with aclosing(PostgresNoteStore(postgres_url, PROFILE)) as store:
        await store.migrate()
    connection = await asyncpg.connect(postgres_url)
    found = await connection.fetch(
        "SELECT DISTINCT collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name IN ('user_id', 'note_id', 'chunk_id')"
    )
    await connection.close()
    assert [row["collation_name"] for row in found] == ["C"]
