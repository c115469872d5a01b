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

_MAX_DIMENSIONS_IN_ROW = 2_000
"""An embedding has two bytes a dimension, and a row at most 8 KB less its ids."""

_TIMEOUT = 60.0
"""For another process's migration, and for each statement, in seconds."""


async def migrate(connection: "Connection", *, dimensions: int) -> None:
    """Apply the missing migrations in one transaction, one process at a time.

    Raises:
        ConfigurationError: pgvector is missing and this user is not allowed to install it, or
            the embeddings in the database have other dimensions.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_TIMEOUT)
        await _require_pgvector(connection)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        for file in sorted(_MIGRATIONS.glob("*.sql")):
            if file.name not in applied:
                statements = file.read_text(encoding="utf-8")
                storage = "PLAIN" if dimensions <= _MAX_DIMENSIONS_IN_ROW else "EXTERNAL"
                statements = statements.replace(":storage", storage)
                await connection.execute(
                    statements.replace(":dimensions", str(dimensions)), timeout=_TIMEOUT
                )
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", file.name)
        await _require_dimensions(connection, dimensions)


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


async def _require_dimensions(connection: "Connection", dimensions: int) -> None:
    found = await connection.fetchval(
        "SELECT atttypmod FROM pg_attribute"
        " WHERE attrelid = 'chunks'::regclass AND attname = 'embedding'"
    )
    if found != dimensions:
        raise ConfigurationError(
            f"the database has embeddings of {found} dimensions, not {dimensions}:"
            f" set HF_EMBEDDING_DIMENSIONS to {found}, or use another database"
        )
