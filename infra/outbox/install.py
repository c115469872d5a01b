"""Installs and removes the triggers that record the changes of a table.

Every statement runs in one transaction that locks the table, so no change is lost or recorded
twice while the triggers are replaced.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.notes.sql_store import Connection

_FOLDER = Path(__file__).parent
_TRIGGERS = ("tercet_outbox_rows", "tercet_outbox_updates", "tercet_outbox_truncate")
_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence"}
_LOCK = int.from_bytes(b"outbox")
"""The key of the advisory lock of migrations: any number that no other program uses."""

_LOCK_TIMEOUT = "10s"
_OWN_COLUMNS = {"user_id", "note_id", "version", "changed_at", "profile"}
"""Columns of the note store's own table, which note changes write."""

_FIND_TABLE = """
SELECT c.oid, quote_ident(nspname) || '.' || quote_ident(relname) AS name, relkind, relispartition,
       EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = c.oid) AS has_children
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE c.oid = coalesce(
    (SELECT k.oid FROM pg_class AS k JOIN pg_namespace AS s ON s.oid = k.relnamespace
     WHERE s.nspname || '.' || k.relname = $1),
    to_regclass($1)::oid)
"""

_COLUMNS = """
SELECT attname, typcategory = 'A' OR typname IN ('json', 'jsonb') AS is_list
FROM pg_attribute JOIN pg_type AS t ON t.oid = atttypid
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""

_IS_UNIQUE = """
SELECT EXISTS (
    SELECT 1 FROM pg_index
    WHERE indrelid = $1 AND indisunique AND indisvalid AND indimmediate
    AND indpred IS NULL AND indexprs IS NULL
    AND ARRAY(SELECT attname::text FROM pg_attribute
        WHERE attrelid = $1 AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1])) <@ $2::text[])
"""

_SAVE_SOURCE = """
INSERT INTO tercet_outbox.sources
    (relation, user_column, id_column, title_column, text_column, tags_column)
VALUES ($1::oid, $2, $3, $4, $5, $6)
ON CONFLICT (relation) DO UPDATE SET (user_column, id_column, title_column, text_column,
    tags_column) = ROW (excluded.user_column, excluded.id_column, excluded.title_column,
    excluded.text_column, excluded.tags_column)
RETURNING id
"""

# Numbers stay increasing if the schema was removed, or the database restored from a backup.
_ADVANCE = """
SELECT setval('tercet_outbox.changes', clock) FROM tercet_outbox.changes, LATERAL
    (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS t (clock)
WHERE last_value < clock
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an owner's table; `tags` is None if there is none."""

    user: str
    id: str
    title: str
    text: str
    tags: str | None = None

    @property
    def names(self) -> list[str]:
        """All columns that are read."""
        return [name for name in (self.user, self.id, self.title, self.text, self.tags) if name]


async def install(
    connection: "Connection", table: str, columns: Columns, *, existing: bool = False
) -> str:
    """Record the changes of a table from now on; return its quoted name.

    It may be repeated, with the same columns or others. `existing` also records each row that the
    table has, so that all of its notes are delivered.

    Raises:
        ConfigurationError: the table or its columns cannot be used.
    """
    async with connection.transaction():
        await migrate(connection)
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        oid, name = await _find_table(connection, table)
        await _check_columns(connection, oid, name, columns)
        await connection.execute(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
        source = await connection.fetchval(
            _SAVE_SOURCE,
            *(oid, columns.user, columns.id, columns.title, columns.text, columns.tags),
        )
        await connection.execute(await _triggers(connection, source, name, columns))
        await connection.execute(_ADVANCE)
        if existing:
            user, note_id = quote(columns.user), quote(columns.id)
            await connection.execute(
                "INSERT INTO tercet_outbox.records (source, user_id, note_id, operation)"  # noqa: S608 - quoted names
                f" SELECT {source}, {user}::text, {note_id}::text, 'updated' FROM {name}"
                f" WHERE {user} IS NOT NULL AND {note_id} IS NOT NULL"
            )
            await connection.execute("SELECT pg_notify('tercet_outbox', '')")
        return name


async def uninstall(connection: "Connection", table: str) -> int:
    """Remove the triggers; return the number of the table's records that are still to be delivered.

    With the last record of the last table, everything is removed.

    Raises:
        ConfigurationError: the table does not exist.
    """
    async with connection.transaction():
        oid, name = await _find_table(connection, table)
        if not await connection.fetchval("SELECT to_regclass('tercet_outbox.sources')"):
            return 0
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        for trigger in _TRIGGERS:
            await connection.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {name}")
        source = await connection.fetchval(
            "SELECT id FROM tercet_outbox.sources WHERE relation = $1::oid", oid
        )
        if source is None:
            return 0
        await connection.execute(f"DROP FUNCTION IF EXISTS {_function(source)}()")
        left: int = await connection.fetchval(
            "SELECT count(*) FROM tercet_outbox.records WHERE source = $1", source
        )
        if not left:
            await connection.execute("DELETE FROM tercet_outbox.sources WHERE id = $1", source)
            if not await connection.fetch("SELECT 1 FROM tercet_outbox.sources LIMIT 1"):
                await connection.execute("DROP SCHEMA tercet_outbox CASCADE")
        return left


async def migrate(connection: "Connection") -> None:
    """Apply the missing migrations, within the caller's transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    if not await connection.fetchval("SELECT to_regclass('tercet_outbox.migrations')"):
        await connection.execute("CREATE SCHEMA IF NOT EXISTS tercet_outbox")
        await connection.execute(
            "CREATE TABLE tercet_outbox.migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
    rows = await connection.fetch("SELECT name FROM tercet_outbox.migrations")
    applied = {row["name"] for row in rows}
    for file in sorted((_FOLDER / "migrations").glob("*.sql")):
        if file.name not in applied:
            await connection.execute(file.read_text(encoding="utf-8"))
            await connection.execute(
                "INSERT INTO tercet_outbox.migrations (name) VALUES ($1)", file.name
            )


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


async def _find_table(connection: "Connection", table: str) -> tuple[int, str]:
    """Return the table's oid and its quoted name."""
    try:
        async with connection.transaction():
            found = await connection.fetchrow(_FIND_TABLE, table)
    except asyncpg.PostgresError:  # the name has no valid syntax
        found = None
    if found is None:
        raise ConfigurationError(
            f"--table: there is no table {table}: write schema.table, and quote names with capital"
            """ letters: '"Schema"."Table"'"""
        )
    name: str = found["name"]
    kind = found["relkind"].decode()
    if kind not in ("r", "p"):
        raise ConfigurationError(f"--table: {name} is {_KINDS.get(kind, 'not a table')}")
    if found["relispartition"]:
        raise ConfigurationError(f"--table: {name} is a partition: name its partitioned table")
    if kind == "r" and found["has_children"]:
        raise ConfigurationError(
            f"--table: other tables inherit from {name}, whose triggers do not see their rows:"
            " use declarative partitioning"
        )
    return found["oid"], name


async def _check_columns(connection: "Connection", oid: int, name: str, columns: Columns) -> None:
    found = dict(await connection.fetch(_COLUMNS, oid))
    if missing := sorted({*columns.names} - found.keys()):
        raise ConfigurationError(
            f"{name} has no column {', '.join(missing)}; it has {', '.join(found)}"
        )
    if found.keys() >= _OWN_COLUMNS:
        raise ConfigurationError(
            f"{name} is the note store's own table, which note changes write: name your own table"
        )
    if columns.user == columns.id:
        raise ConfigurationError("--user-column and --id-column must be two columns")
    if columns.tags and not found[columns.tags]:
        raise ConfigurationError(f"--tags-column: {columns.tags} must be an array or JSON")
    if not await connection.fetchval(_IS_UNIQUE, oid, [columns.user, columns.id]):
        raise ConfigurationError(
            f"{name} needs a unique index on {columns.id}, or on {columns.user} and {columns.id}:"
            " otherwise two changes of one note can have another order than their sequence"
        )


async def _triggers(connection: "Connection", source: int, name: str, columns: Columns) -> str:
    """Return the statements that create the triggers of a table."""
    literal = "SELECT quote_literal($1)"
    body = _read("capture.sql").format(
        source=source,
        user=quote(columns.user),
        id=quote(columns.id),
        user_literal=await connection.fetchval(literal, columns.user),
        id_literal=await connection.fetchval(literal, columns.id),
    )
    as_text = '{row}.{column}::text COLLATE "C"'
    old, new = (
        ", ".join(as_text.format(row=row, column=quote(column)) for column in columns.names)
        for row in ("OLD", "NEW")
    )
    return _read("triggers.sql").format(
        function=_function(source),
        body=await connection.fetchval(literal, body),
        table=name,
        old=old,
        new=new,
    )


def _function(source: int) -> str:
    return f"tercet_outbox.capture_{source}"


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
