"""Tests of the PostgreSQL note store: every error of its driver, and connections that failed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import asyncpg
import numpy as np
import pytest

from shared.errors import StoreUnavailableError
from shared.notes.note import Chunk, Note
from shared.notes.postgres.store import PostgresNoteStore
from tests.support.note_backends import PROFILE
from tests.support.postgres import PostgresServer, database_name

VECTOR = np.ones(8, dtype=np.int8)
NOTE = Note("ann", "n", "Title", "Text", 1, 1)
CHUNK = Chunk("c", "n", "Text", VECTOR)


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresNoteStore]:
    async with aclosing(PostgresNoteStore(postgres_url, PROFILE)) as store:
        await store.migrate()
        await store.replace_note(NOTE, [CHUNK])
        yield store


def subclasses(base: Any) -> set[Any]:
    return {base}.union(*map(subclasses, base.__subclasses__()))


SQLSTATES = {
    state
    for kind in subclasses(asyncpg.PostgresError)
    if (state := getattr(kind, "sqlstate", None)) and state != "00000"
} | {"QQ999"}
"""All that asyncpg has a class for, and one that it does not know."""


async def test_every_error_of_the_server_is_unavailable_without_its_message(
    store: PostgresNoteStore,
) -> None:
    for state in sorted(SQLSTATES):
        statement = f"DO $$ BEGIN RAISE EXCEPTION 'private text' USING ERRCODE = '{state}'; END $$"
        with pytest.raises(StoreUnavailableError) as caught:
            await store.run(lambda connection, sql=statement: connection.execute(sql))  # type: ignore[misc]  # mypy infers no type of a lambda with a default
        assert "private" not in str(caught.value)
    assert len(SQLSTATES) > 200
    assert await store.list_notes("ann") == [NOTE]


@pytest.mark.parametrize("base", [asyncpg.InterfaceError, asyncpg.InternalClientError])
async def test_every_error_of_the_driver_is_retried_once_and_then_unavailable(
    store: PostgresNoteStore, base: type[Exception]
) -> None:
    for kind in subclasses(base):
        connections: list[Any] = []

        async def fail(connection: Any, kind: Any = kind, used: list[Any] = connections) -> None:
            used.append(connection._con)
            raise kind("private text")

        with pytest.raises(StoreUnavailableError) as caught:
            await store.run(fail)
        assert "private" not in str(caught.value)
        first, second = connections
        assert first is not second, "the failed connection was used again"


async def test_invalid_statements_and_values_are_unavailable(store: PostgresNoteStore) -> None:
    statements = ("SELEKT 1", "SELECT 1 / 0", "SELECT 'private'::int", "INSERT INTO notes VALUES")
    for statement in statements:
        with pytest.raises(StoreUnavailableError):
            await store.run(lambda connection, sql=statement: connection.fetch(sql))  # type: ignore[misc]  # mypy infers no type of a lambda with a default
    with pytest.raises(StoreUnavailableError):
        await store.delete_note("ann", "n", version=2**70, changed_at=1)


async def test_searches_succeed_while_the_server_terminates_connections(
    store: PostgresNoteStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    """asyncpg raises `InternalClientError` for some of them."""
    outcomes: Counter[str] = Counter()
    admin = await asyncpg.connect(postgres_server.url("postgres"))

    async def search() -> None:
        try:
            assert await store.search("ann", VECTOR, 3)
            outcomes["found"] += 1
        except StoreUnavailableError:
            outcomes["unavailable"] += 1

    for number in range(15):
        searches = [asyncio.create_task(search()) for _ in range(20)]
        await asyncio.sleep(0.002 * (number % 5))
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
            database_name(postgres_url),
        )
        await asyncio.gather(*searches)
    await admin.close()
    assert outcomes["found"] > 270, outcomes


async def test_writes_leave_a_server_that_became_read_only(
    store: PostgresNoteStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    """After a failover, open connections can lead to the former primary server."""
    database = database_name(postgres_url)
    setting = f"ALTER DATABASE {database} {{}} default_transaction_read_only"
    await postgres_server.execute(database, setting.format("SET") + " = on")
    postgres_server.close_connections(postgres_url)
    with pytest.raises(StoreUnavailableError, match="read-only: DATABASE_URL must lead to the pri"):
        await store.delete_note("ann", "n", version=2, changed_at=2)
    assert await store.search("ann", VECTOR, 3), "reads succeed"
    # Only new connections can write from here on.
    await postgres_server.execute("postgres", setting.format("RESET"))
    assert await store.delete_note("ann", "n", version=2, changed_at=2)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_deletion_sees_what_was_written_before_its_lock_whatever_the_default_isolation(
    store: PostgresNoteStore, postgres_server: PostgresServer, postgres_url: str, level: str
) -> None:
    """A snapshot from before the lock would leave the note of a deleted user."""
    database = database_name(postgres_url)
    await postgres_server.execute(
        "postgres", f"ALTER DATABASE {database} SET default_transaction_isolation = '{level}'"
    )
    locked = asyncio.Event()

    async def write_slowly(connection: Any) -> None:
        locked.set()
        await asyncio.sleep(0.3)
        await connection.execute(
            "INSERT INTO notes (user_id, note_id, version, title, text, changed_at)"
            " VALUES ('ann', 'late', 1, 't', 'x', 1)"
        )

    async with aclosing(PostgresNoteStore(postgres_url, PROFILE)) as other:
        writing = asyncio.ensure_future(other.run_transaction("ann", write_slowly))
        await locked.wait()
        async with aclosing(PostgresNoteStore(postgres_url, PROFILE)) as deleting:
            assert await deleting.delete_user("ann", changed_at=2)
            await writing
            assert await deleting.list_notes("ann") == []


async def test_missing_privilege_is_named_and_can_be_granted_later(
    postgres_server: PostgresServer, postgres_url: str, store: PostgresNoteStore
) -> None:
    database = database_name(postgres_url)
    role = f"reader_{database}"
    await postgres_server.execute(database, f"CREATE ROLE {role} LOGIN")
    url = postgres_url.replace("//postgres:", f"//{role}:")
    async with aclosing(PostgresNoteStore(url, PROFILE)) as reader:
        for call in (
            lambda: reader.search("ann", VECTOR, 3),
            lambda: reader.get_chunks("ann", "n"),
            lambda: reader.delete_note("ann", "n", version=2, changed_at=2),
            lambda: reader.delete_user("ann", changed_at=2),
            reader.ping,
        ):
            with pytest.raises(StoreUnavailableError, match="grant SELECT, INSERT, UPDATE and"):
                await call()
        grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        await postgres_server.execute(database, grant)
        assert await reader.search("ann", VECTOR, 3)
        assert await reader.delete_note("ann", "n", version=2, changed_at=2)
