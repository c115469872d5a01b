"""The tables of a SQLite note store, and how a file of an earlier release gets them."""

from typing import TYPE_CHECKING

from shared.errors import StoreUnavailableError

if TYPE_CHECKING:
    from shared.notes.sql_store import Connection

_NOTES = """
CREATE TABLE notes (
    user_id TEXT NOT NULL, note_id TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
    version INTEGER NOT NULL, changed_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, note_id)
);
CREATE TABLE chunks (
    user_id TEXT NOT NULL, note_id TEXT NOT NULL, ordinal INTEGER NOT NULL,
    chunk_id TEXT NOT NULL, embedding BLOB NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (user_id, note_id, ordinal),
    FOREIGN KEY (user_id, note_id) REFERENCES notes ON DELETE CASCADE
);
CREATE TABLE deleted_notes (
    user_id TEXT NOT NULL, note_id TEXT NOT NULL,
    version INTEGER NOT NULL, changed_at INTEGER NOT NULL, deleted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, note_id)
);
CREATE INDEX deleted_notes_age ON deleted_notes (deleted_at);
CREATE TABLE deleted_users (
    user_digest BLOB PRIMARY KEY, changed_at INTEGER NOT NULL, deleted_at INTEGER NOT NULL
);
CREATE INDEX deleted_users_age ON deleted_users (deleted_at)
"""

_PROFILES = """
ALTER TABLE notes ADD COLUMN profile TEXT;
CREATE INDEX notes_profile ON notes (profile, user_id)
"""

_HEADINGS = "ALTER TABLE chunks ADD COLUMN headings TEXT NOT NULL DEFAULT ''"

_SEQUENCES = """
ALTER TABLE notes ADD COLUMN sequence INTEGER;
ALTER TABLE deleted_notes ADD COLUMN sequence INTEGER
"""

# As `tags.join_tags` returns them: SQLite has no lists, and its JSON functions are optional.
_TAGS = "ALTER TABLE notes ADD COLUMN tags TEXT NOT NULL DEFAULT ''"

MIGRATIONS = _NOTES, _PROFILES, _HEADINGS, _SEQUENCES, _TAGS
"""Each makes the next version of the file, which is its `user_version`."""

# Notes from before have the profile of the settings if their embeddings have its dimensions.
_ADOPT_PROFILE = """
UPDATE notes SET profile = CASE WHEN EXISTS (
    SELECT 1 FROM chunks WHERE chunks.user_id = notes.user_id AND chunks.note_id = notes.note_id
    AND length(embedding) <> $2
) THEN 'unknown' ELSE $1 END
"""

REMEDY = (
    "install the newest release, or set DATABASE_URL to another file if another program wrote it"
)


async def is_current(connection: "Connection") -> bool:
    """Whether the file has the tables of this release."""
    return await _read_version(connection) == len(MIGRATIONS)


async def migrate(connection: "Connection", *, profile: str, dimensions: int) -> None:
    """Apply the missing migrations, within the caller's transaction.

    Notes from before profiles were stored get this profile if their embeddings have its dimensions.

    Raises:
        StoreUnavailableError: the file is of a later release or of another program.
    """
    version = await _read_version(connection)
    if not 0 <= version <= len(MIGRATIONS):
        raise StoreUnavailableError(
            f"the note store's file has version {version}, and this release supports 0 to"
            f" {len(MIGRATIONS)}: {REMEDY}"
        )
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements.split(";"):
            await connection.execute(statement)
        if statements is _PROFILES:
            await connection.execute(_ADOPT_PROFILE, profile, dimensions)
        await connection.execute(f"PRAGMA user_version = {number}")


async def _read_version(connection: "Connection") -> int:
    ((version,),) = await connection.fetch("PRAGMA user_version")
    return int(version)
