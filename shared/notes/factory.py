"""Creates the note store for a database URL."""

from pathlib import Path
from typing import TYPE_CHECKING

from shared.notes.database_url import SQLITE, check_database_url, is_postgres

if TYPE_CHECKING:
    from shared.notes.embedding_profile import EmbeddingProfile
    from shared.notes.store import NoteStore
    from shared.secrets import Secret


def create_note_store(database_url: "str | Secret", profile: "EmbeddingProfile") -> "NoteStore":
    """Create the note store for a URL; it connects on first use.

    The database driver is imported here, because a deployed function has no aiosqlite and a local
    one does not need asyncpg.

    Args:
        database_url: `sqlite:///relative.db`, `sqlite:////absolute.db` or
            `postgresql://user:password@host:port/database` (also `postgres://`). A secret has the
            last form.
        profile: of the embeddings.

    Raises:
        ConfigurationError: the URL has another form.
    """
    if not isinstance(database_url, str) or is_postgres(database_url):
        from shared.notes.postgres.store import PostgresNoteStore  # noqa: PLC0415 - see above

        return PostgresNoteStore(database_url, profile)
    check_database_url(database_url)
    from shared.notes.sqlite import SQLiteNoteStore  # noqa: PLC0415 - see above

    return SQLiteNoteStore(Path(database_url.removeprefix(SQLITE)), profile)
