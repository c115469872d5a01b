"""The PostgreSQL note store through PgBouncer in transaction mode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import numpy as np
import pytest

from shared.errors import StoreUnavailableError
from shared.notes.note import Chunk, Note
from shared.notes.postgres.store import PostgresNoteStore
from tests.support.note_backends import PROFILE
from tests.support.pgbouncer import start_pgbouncer

VECTOR = np.ones(8, dtype=np.int8)


@pytest.fixture
async def pooled_url(postgres_url: str, tmp_path: Path) -> AsyncIterator[str]:
    async with aclosing(PostgresNoteStore(postgres_url, PROFILE)) as store:
        await store.migrate()
    with start_pgbouncer(postgres_url, tmp_path) as url:
        yield url


async def test_each_client_gets_the_replies_to_its_own_statements(pooled_url: str) -> None:
    """PgBouncer may run a client's next statement on another connection to the server."""
    async with AsyncExitStack() as stack:
        stores = [PostgresNoteStore(f"{pooled_url}?pgbouncer=true", PROFILE) for _ in range(8)]
        for store in stores:
            stack.push_async_callback(store.aclose)
        users = [f"user{number}" for number in range(8)]
        for user in users:
            note = Note(user, "n", f"Title of {user}", f"Text of {user}", 1, 1)
            await stores[0].replace_note(note, [Chunk("c", "n", f"Text of {user}", VECTOR)])

        async def read(store: PostgresNoteStore, user: str) -> None:
            for _ in range(20):
                (source,) = await store.search(user, VECTOR, 3)
                assert source.content == f"Text of {user}"
                (chunk,) = await store.get_chunks(user, "n")
                assert chunk.content == f"Text of {user}"
                assert [note.user_id for note in await store.list_notes(user)] == [user]
                await store.ping()
                await store.count_outdated()

        await asyncio.gather(*map(read, stores, users))


async def test_refused_startup_parameter_is_named_as_the_cause(pooled_url: str) -> None:
    async with aclosing(PostgresNoteStore(f"{pooled_url}?schema=public", PROFILE)) as store:
        with pytest.raises(StoreUnavailableError, match="ALTER ROLE"):
            await store.ping()
