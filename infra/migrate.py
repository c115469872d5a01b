"""`python -m infra.migrate`: create or upgrade the tables in PostgreSQL.

Run it before the first start and before each new version; it can be repeated. SQLite needs no
migration.
"""

import argparse
import asyncio
import os

from infra.exit_codes import exit_on_error
from shared.aws.secrets import Secrets
from shared.errors import ConfigurationError
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.factory import create_note_store
from shared.notes.postgres.store import PostgresNoteStore
from shared.settings import Settings


async def migrate(settings: Settings) -> None:
    """Create or upgrade the tables of the configured database.

    Raises:
        ConfigurationError: the database is not PostgreSQL or does not allow the migration.
        UnavailableError: the database or its secret is unreachable.
    """
    url = Secrets(settings).database_url()
    if not isinstance(url, str):
        await url.get()  # its fetch may outlast the time-out of a connection
    store = create_note_store(url, EmbeddingProfile.of(settings))
    if not isinstance(store, PostgresNoteStore):
        raise ConfigurationError("DATABASE_URL is not a PostgreSQL URL")
    try:
        await store.migrate()
    finally:
        await store.aclose()


if __name__ == "__main__":
    argparse.ArgumentParser("python -m infra.migrate", description=__doc__).parse_args()
    with exit_on_error("cannot migrate"):
        asyncio.run(migrate(Settings.from_env(os.environ)))
