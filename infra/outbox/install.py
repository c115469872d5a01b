"""Installs and removes the triggers that record the changes of a table.

Every statement runs in one transaction that locks the table, so no change is lost or recorded
twice while the triggers are replaced.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from infra.outbox.source_table import Columns, check_table, find_table
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.notes.sql_store import Connection

_FOLDER = Path(__file__).parent
TRIGGERS = ("tercet_outbox_rows", "tercet_outbox_updates", "tercet_outbox_truncate")
"""The triggers of a table."""

_LOCK = int.from_bytes(b"outbox")
"""The key of the advisory lock of migrations: any number that no other program uses."""

_LOCK_TIMEOUT = "10s"
ISOLATION = "read_committed"
"""A statement must see what was committed before its transaction got a lock."""

TEXT_SETTINGS = (
    ("bytea_output", "hex"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "1"),
)
"""What the texts of users and ids depend on: triggers and relay set the same in all sessions."""

_MAX_USER = 500
"""Characters of a user that are recorded: above the maximum of messages, below that of an index."""

_FIND_DROPPED = """
SELECT id FROM tercet_outbox.sources
WHERE relation::oid::text = $1 AND NOT EXISTS (SELECT 1 FROM pg_class WHERE oid = relation)
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


async def install(
    connection: "Connection", table: str, columns: Columns, *, existing: bool = False
) -> str:
    """Record the changes of a table from now on; return its quoted name.

    It may be repeated, with the same columns or others. `existing` also records each row that the
    table has, so that all of its notes are delivered.

    Raises:
        ConfigurationError: the table or its columns cannot be used.
    """
    async with connection.transaction(isolation=ISOLATION):
        await migrate(connection)
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        oid, name = await find_table(connection, table)
        await check_table(connection, oid, name, columns)
        for setting in TEXT_SETTINGS:
            await connection.execute("SELECT set_config($1, $2, true)", *setting)
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
                f" SELECT {source}, left({user}::text, {_MAX_USER}), {note_id}::text, 'updated'"
                f" FROM {name}"
                f" WHERE {user} IS NOT NULL AND {note_id} IS NOT NULL"
            )
            await connection.execute("SELECT pg_notify('tercet_outbox', '')")
        return name


async def uninstall(connection: "Connection", table: str) -> int:
    """Remove the triggers; return the number of the table's records that are still to be delivered.

    With the last record of the last table, everything is removed. `table` is the number in the
    report if the table was dropped: its records cannot be delivered any more, and are removed.

    Raises:
        ConfigurationError: the table does not exist.
    """
    async with connection.transaction(isolation=ISOLATION):
        is_installed = await connection.fetchval("SELECT to_regclass('tercet_outbox.sources')")
        source = await connection.fetchval(_FIND_DROPPED, table) if is_installed else None
        if source is not None:
            await connection.execute("DELETE FROM tercet_outbox.records WHERE source = $1", source)
            return await _remove_source(connection, source)
        oid, name = await find_table(connection, table)
        if not is_installed:
            return 0
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        for trigger in TRIGGERS:
            await connection.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {name}")
        source = await connection.fetchval(
            "SELECT id FROM tercet_outbox.sources WHERE relation = $1::oid", oid
        )
        return 0 if source is None else await _remove_source(connection, source)


async def _remove_source(connection: "Connection", source: int) -> int:
    """Remove a table without triggers, unless it has records; return their number."""
    await connection.execute(f"DROP FUNCTION IF EXISTS {_function(source)}()")
    left: int = await connection.fetchval(
        "SELECT count(*) FROM tercet_outbox.records WHERE source = $1", source
    )
    if not left:
        await connection.execute("DELETE FROM tercet_outbox.sources WHERE id = $1", source)
        if not await connection.fetch("SELECT 1 FROM tercet_outbox.sources LIMIT 1"):
            await connection.execute("DROP SCHEMA tercet_outbox CASCADE")
    return left


async def require_installed(connection: "Connection") -> None:
    """Require the tables of the outbox.

    Raises:
        ConfigurationError: the database has none.
    """
    if not await connection.fetchval("SELECT to_regclass('tercet_outbox.records')"):
        raise ConfigurationError("the outbox is not installed in this database")


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


async def _triggers(connection: "Connection", source: int, name: str, columns: Columns) -> str:
    """Return the statements that create the triggers of a table."""
    literal = "SELECT quote_literal($1)"
    body = _read("capture.sql").format(
        source=source,
        max_user=_MAX_USER,
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
        settings=" ".join(f"SET {name} = '{value}'" for name, value in TEXT_SETTINGS),
        body=await connection.fetchval(literal, body),
        table=name,
        old=old,
        new=new,
    )


def _function(source: int) -> str:
    return f"tercet_outbox.capture_{source}"


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
