"""Finds what is wrong with the database that DATABASE_URL names: pgvector, schema, tables, rights.

`diagnosis.sql` returns problems by these names, each with a detail that replaces `{}`.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.notes.sql_store import Connection

_BOTH = {
    "no pgvector": "the server does not have pgvector: its administrator must install pgvector 0.7"
    " or newer, then run CREATE EXTENSION vector in the database",
    "pgvector not created": "the database needs pgvector 0.7 or newer: its administrator must run"
    " CREATE EXTENSION vector",
    "old pgvector": "pgvector {} is too old: its administrator must install pgvector 0.7 or newer,"
    " then run ALTER EXTENSION vector UPDATE in the database",
    "pgvector forbidden": "the role of DATABASE_URL may not use the schema {0} of pgvector: its"
    " owner must run GRANT USAGE ON SCHEMA {0} TO the role",
    "pgvector elsewhere": "pgvector is in the schema {0}, which is not in the search path: run"
    " ALTER ROLE … SET search_path = …, {0} for the role of DATABASE_URL, or add"
    " ?search_path=…,{0} to DATABASE_URL",
    "foreign tables": "tables of another program have the names of Tercet's: use another database,"
    " or another schema with ?schema= in DATABASE_URL",
}

MIGRATION = _BOTH | {
    "no schema": "the schema {0} of the search path does not exist: run CREATE SCHEMA {0}",
    "other owner": "another role owns {}: run the migration with the owner's DATABASE_URL",
    "may not create": "the role of DATABASE_URL may not create tables in the schema {0}: its owner"
    " must run GRANT USAGE, CREATE ON SCHEMA {0} TO the role",
}
"""Why `infra.migrate` cannot create or update the tables."""

USE = _BOTH | {
    "pgvector not created": "the database has neither pgvector nor the note store's tables: its"
    " administrator must run CREATE EXTENSION vector, then run python -m infra.migrate",
    "tables elsewhere": "the note store's tables are in the schema {0}, which is not in the search"
    " path, or which the role of DATABASE_URL may not use: add ?schema={0} to DATABASE_URL, or run"
    " GRANT USAGE ON SCHEMA {0} TO the role",
    "no tables": "the note store's tables are not of this version: run python -m infra.migrate",
    "no privilege": "the role of DATABASE_URL lacks a privilege on the note store's tables: grant"
    " SELECT, INSERT, UPDATE and DELETE (missing: {})",
    "read-only": "the note store is read-only: DATABASE_URL must lead to the primary server",
}
"""Why the tables cannot be used."""


async def find_problem(connection: "Connection", messages: Mapping[str, str] = USE) -> str | None:
    """Return the message of the first problem that these messages describe, or None."""
    found: dict[str, str] = dict(await connection.fetch(_statement()))
    for problem, message in messages.items():
        if problem in found:
            return message.format(found[problem])
    return None


@cache
def _statement() -> str:
    return Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
