"""Finds a table of notes, and checks that its changes can be recorded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from shared.notes.sql_store import Connection

_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence"}
_OWN_COLUMNS = {"user_id", "note_id", "version", "changed_at", "profile"}
"""Columns of the note store's own table, which note changes write."""

_FIND_TABLE = """
SELECT c.oid, quote_ident(nspname) || '.' || quote_ident(relname) AS name, relkind, relispartition,
       relpersistence = 't' AS is_temporary,
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

_FORMER_COLUMNS = """
SELECT user_column, id_column FROM tercet_outbox.sources WHERE relation = $1::oid
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


async def find_table(connection: "Connection", table: str) -> tuple[int, str]:
    """Return the table's oid and its quoted name.

    Raises:
        ConfigurationError: there is no such table, or it has no triggers of its own rows.
    """
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
    if found["is_temporary"]:
        raise ConfigurationError(f"--table: {name} is a temporary table: the relay cannot read it")
    if found["relispartition"]:
        raise ConfigurationError(f"--table: {name} is a partition: name its partitioned table")
    if kind == "r" and found["has_children"]:
        raise ConfigurationError(
            f"--table: other tables inherit from {name}, whose triggers do not see their rows:"
            " use declarative partitioning"
        )
    return found["oid"], name


async def check_table(connection: "Connection", oid: int, name: str, columns: Columns) -> None:
    """Check that these columns can be recorded, and that the role sees all rows.

    Raises:
        ConfigurationError: they cannot.
    """
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
    former = await connection.fetchrow(_FORMER_COLUMNS, oid)
    if former and {*former} <= found.keys() and [*former] != [columns.user, columns.id]:
        raise ConfigurationError(
            f"{name} is recorded with user {former[0]} and id {former[1]}: its notes stay stored"
            " under these. Delete them, run uninstall, then install"
        )
    if await connection.fetchval("SELECT getdatabaseencoding()") == "SQL_ASCII":
        raise ConfigurationError(
            "the database has no encoding (SQL_ASCII), so texts may be invalid"
        )
    if await connection.fetchval("SELECT row_security_active($1::oid)", oid):
        raise ConfigurationError(
            f"row-level security hides rows of {name} from this role: install with its owner,"
            " without FORCE ROW LEVEL SECURITY, or with a role that has BYPASSRLS"
        )
    if not await connection.fetchval(_IS_UNIQUE, oid, [columns.user, columns.id]):
        raise ConfigurationError(
            f"{name} needs a unique index on {columns.id}, or on {columns.user} and {columns.id}:"
            " otherwise two changes of one note can have another order than their sequence"
        )
