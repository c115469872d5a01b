"""Applies `migrations/*.sql` to a PostgreSQL database."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from shared.errors import ConfigurationError
from shared.notes.postgres.diagnosis import MIGRATION, find_problem

if TYPE_CHECKING:
    from shared.notes.sql_store import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = int.from_bytes(b"tercet")
"""The key of the advisory lock: any number that no other program uses."""

_TIMEOUT = 60.0
"""For another process's migration, and for each statement, in seconds."""


async def migrate(connection: "Connection", *, profile: str, dimensions: int) -> None:
    """Apply the missing migrations in one transaction, one process at a time.

    Notes from before profiles were stored get this profile if their embeddings have its dimensions.

    Raises:
        ConfigurationError: the database or its role does not allow the migration.
    """
    async with connection.transaction(isolation="read_committed"):
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_TIMEOUT)
        files = sorted(_MIGRATIONS.glob("*.sql"))
        applied = await _read_applied(connection)
        if applied >= {file.name for file in files}:
            return
        await _create_extension(connection)
        if problem := await find_problem(connection, MIGRATION):
            raise ConfigurationError(problem)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        literal = await connection.fetchval("SELECT quote_literal($1::text)", profile)
        for file in files:
            if file.name not in applied:
                statements = file.read_text(encoding="utf-8")
                statements = statements.replace(":dimensions", str(dimensions))
                statements = statements.replace(":profile", literal)
                await connection.execute(statements, timeout=_TIMEOUT)
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", file.name)


async def _read_applied(connection: "Connection") -> set[str]:
    """Return the names of the applied migrations; none without the table or its privilege."""
    readable = "SELECT has_table_privilege(to_regclass('migrations'), 'SELECT')"
    if not await connection.fetchval(readable):
        return set()
    return {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}


async def _create_extension(connection: "Connection") -> None:
    # CREATE EXTENSION IF NOT EXISTS needs the privilege even if the extension exists.
    if await connection.fetchval("SELECT true FROM pg_extension WHERE extname = 'vector'"):
        return
    with suppress(
        asyncpg.FeatureNotSupportedError,
        asyncpg.InsufficientPrivilegeError,
        asyncpg.InvalidSchemaNameError,
        asyncpg.UndefinedFileError,
    ):
        async with connection.transaction():
            await connection.execute("CREATE EXTENSION vector")
