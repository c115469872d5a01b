"""The note store that a database URL names."""

from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.notes.store import NoteStore
    from shared.secrets import Secret

_POSTGRES = ("postgresql://", "postgres://")

# Drivers are imported where they are chosen: a deployed function carries no aiosqlite, and an
# embedded one need not pay for asyncpg.


def create_note_store(database_url: "str | Secret", dimensions: int) -> "NoteStore":
    """Make the store that a URL names; it connects when it is first used.

    Args:
        database_url: `sqlite:///relative.db`, `sqlite:////absolute.db` or
            `postgresql://user:password@host:port/database` (`postgres://` means the same). A
            secret is of the latter form.
        dimensions: of the embeddings; a PostgreSQL column has a fixed number of them.

    Raises:
        ConfigurationError: the URL has another form.
    """
    if not isinstance(database_url, str) or database_url.startswith(_POSTGRES):
        from shared.notes.postgres.store import PostgresNoteStore  # noqa: PLC0415 - see above

        return PostgresNoteStore(database_url, dimensions=dimensions)
    path = database_url.removeprefix("sqlite:///")
    if path not in {database_url, ""}:
        from shared.notes.sqlite import SQLiteNoteStore  # noqa: PLC0415 - see above

        return SQLiteNoteStore(Path(path))
    raise ConfigurationError(
        "DATABASE_URL must have one of the forms sqlite:///relative.db, sqlite:////absolute.db"
        " and postgresql://user:password@host:port/database"
    )
