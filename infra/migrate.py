"""`python -m infra.migrate`: makes or renews the tables of the notes in PostgreSQL.

Once before the first start, and before each new version; what is there already is left alone.
SQLite needs none of it.
"""

import asyncio
import os
import sys

from shared.errors import ConfigurationError, TercetError
from shared.notes.postgres.store import PostgresNoteStore
from shared.settings import Settings


async def migrate(settings: Settings) -> None:
    """Bring the database that the settings name to the newest tables.

    Raises:
        ConfigurationError: the database is not PostgreSQL, or lacks pgvector.
        UnavailableError: it is out of reach.
    """
    if not settings.database_url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError("DATABASE_URL names no PostgreSQL: nothing to migrate")
    store = PostgresNoteStore(settings.database_url, dimensions=settings.embedding_dimensions)
    try:
        await store.migrate()
    finally:
        await store.aclose()


if __name__ == "__main__":
    try:
        asyncio.run(migrate(Settings.from_env(os.environ)))
    except TercetError as error:
        sys.exit(f"cannot migrate: {error}")
