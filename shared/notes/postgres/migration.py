"""Brings a PostgreSQL database to the newest of `migrations/*.sql`."""

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.notes.postgres.pool import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = int.from_bytes(b"tercet")
"""Any number that no other program locks."""

_PATIENCE = 60.0
"""For another that is migrating, and for each statement, in seconds."""


async def migrate(connection: "Connection", *, dimensions: int) -> None:
    """Apply what is missing, in one transaction; whoever comes second finds it done.

    Raises:
        ConfigurationError: pgvector is missing and may not be installed by this user, or the
            embeddings in the database have other dimensions.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_PATIENCE)
        await _require_pgvector(connection)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        for file in sorted(_MIGRATIONS.glob("*.sql")):
            if file.name not in applied:
                statements = file.read_text(encoding="utf-8")
                await connection.execute(
                    statements.replace(":dimensions", str(dimensions)), timeout=_PATIENCE
                )
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", file.name)
        await _require_dimensions(connection, dimensions)


async def _require_pgvector(connection: "Connection") -> None:
    # Asked first: CREATE EXTENSION IF NOT EXISTS wants the right to create it all the same.
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
            "the database needs pgvector 0.7 or newer: have its administrator run"
            " CREATE EXTENSION vector in it"
        ) from error


async def _require_dimensions(connection: "Connection", dimensions: int) -> None:
    found = await connection.fetchval(
        "SELECT atttypmod FROM pg_attribute"
        " WHERE attrelid = 'chunks'::regclass AND attname = 'embedding'"
    )
    if found != dimensions:
        raise ConfigurationError(
            f"the database holds embeddings of {found} dimensions, not {dimensions}:"
            f" set HF_EMBEDDING_DIMENSIONS to {found}, or use another database"
        )
