"""`python -m infra.migrate`: create or upgrade the tables in PostgreSQL.

Run it before the first start and before each new version; it can be repeated. SQLite needs no
migration.
"""

import asyncio
import os
import sys

from shared.errors import ConfigurationError, TercetError
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.postgres.store import PostgresNoteStore
from shared.settings import Settings


async def migrate(settings: Settings) -> None:
    """Create or upgrade the tables of the configured database.

    Raises:
        ConfigurationError: the database is not PostgreSQL, or lacks pgvector.
        UnavailableError: the database is unreachable.
    """
    if not settings.database_url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError("DATABASE_URL is not a PostgreSQL URL")
    store = PostgresNoteStore(settings.database_url, EmbeddingProfile.of(settings))
    try:
        await store.migrate()
    finally:
        await store.aclose()


if __name__ == "__main__":
    try:
        asyncio.run(migrate(Settings.from_env(os.environ)))
    except TercetError as error:
        sys.exit(f"cannot migrate: {error}")
