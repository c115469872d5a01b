"""Applies `migrations/*.sql` to a PostgreSQL database."""

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from shared.errors import ConfigurationError

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
        ConfigurationError: pgvector is missing and this user is not allowed to install it.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_TIMEOUT)
        await _require_pgvector(connection)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        literal = await connection.fetchval("SELECT quote_literal($1::text)", profile)
        for file in sorted(_MIGRATIONS.glob("*.sql")):
            if file.name not in applied:
                statements = file.read_text(encoding="utf-8")
                statements = statements.replace(":dimensions", str(dimensions))
                statements = statements.replace(":profile", literal)
                await connection.execute(statements, timeout=_TIMEOUT)
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", file.name)


async def _require_pgvector(connection: "Connection") -> None:
    # CREATE EXTENSION IF NOT EXISTS needs the privilege even if the extension exists.
    if await connection.fetchval("SELECT true FROM pg_extension WHERE extname = 'vector'"):
        return
    try:
        await connection.execute("CREATE EXTENSION vector")
    except (
        asyncpg.FeatureNotSupportedError,
        asyncpg.InsufficientPrivilegeError,
        asyncpg.UndefinedFileError,
    ) as error:
        raise ConfigurationError(
            "the database needs pgvector 0.7 or newer: its administrator must run"
            " CREATE EXTENSION vector"
        ) from error
