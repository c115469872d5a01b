"""The SQLite note store uses no syntax and no function that is newer than SQLite 3.34."""
# ruff: noqa: SIM905 - a word list as a literal would have a line for each word

import re
import sqlite3
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.note import Chunk, Note
from shared.notes.sqlite import SQLiteNoteStore
from tests.support.note_backends import PROFILE

VECTOR = np.ones(8, dtype=np.int8)
NOTE = Note("ann", "n", "Title", "Text", 1, 1)
CHUNK = Chunk("c", "n", "Text", VECTOR)

# `pragma_function_list` of SQLite 3.34 without the full-text search.
FUNCTIONS = frozenset(
    "abs avg changes char coalesce count cume_dist current_date current_time current_timestamp date"
    " datetime dense_rank first_value glob group_concat hex ifnull iif instr julianday lag"
    " last_insert_rowid last_value lead length like likelihood likely load_extension lower ltrim"
    " max min nth_value ntile nullif percent_rank printf quote random randomblob rank replace round"
    " row_number rtrim sqlite_compileoption_get sqlite_compileoption_used sqlite_log"
    " sqlite_source_id sqlite_version strftime substr substring sum time total total_changes trim"
    " typeof unicode unlikely upper zeroblob".split()
)

NEWER = re.compile(
    r"""
      \bRETURNING\b                                    # 3.35
    | \bDROP\s+COLUMN\b                                # 3.35
    | \bAS\s+(?:NOT\s+)?MATERIALIZED\b                 # 3.35
    | ON\s+CONFLICT\b.*\bON\s+CONFLICT\b               # 3.35: more than one upsert clause
    | ON\s+CONFLICT\s+DO\s+UPDATE\b                    # 3.35: no conflict target
    | \)\s*(?:WITHOUT\s+ROWID\s*,\s*)?STRICT\b         # 3.37
    | ->                                               # 3.38
    | \b(?:RIGHT|FULL)\s+(?:OUTER\s+)?JOIN\b           # 3.39
    | \bIS\s+(?:NOT\s+)?DISTINCT\s+FROM\b              # 3.39
    | \b\d+_\d+\b                                      # 3.46: digit separators
    | \b(?:ADD|DROP)\s+CONSTRAINT\b                    # 3.53
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], set[str]]:
    """Record the statements, and the functions in them, of every connection."""
    statements: list[str] = []
    functions: set[str] = set()
    connect = sqlite3.connect

    def authorize(action: int, _: str | None, name: str | None, *__: str | None) -> int:
        if action == sqlite3.SQLITE_FUNCTION:
            functions.add((name or "").lower())
        return sqlite3.SQLITE_OK

    def recording(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(statements.append)
        connection.set_authorizer(authorize)
        return connection

    monkeypatch.setattr(sqlite3, "connect", recording)
    return statements, functions


async def test_no_statement_needs_a_newer_sqlite(
    tmp_path: Path, used: tuple[list[str], set[str]]
) -> None:
    other = EmbeddingProfile("another model", 8)
    async with aclosing(SQLiteNoteStore(tmp_path / "notes.db", PROFILE)) as store:
        await store.replace_note(NOTE, [CHUNK])
        assert await store.update_chunks(NOTE, [CHUNK])
        assert not await store.update_chunks(replace(NOTE, version=9), [CHUNK])
        assert await store.search("ann", VECTOR, 3)
        assert not await store.search("ann", VECTOR, 3, ("a",))
        assert await store.get_chunks("ann", "n")
        assert await store.get_note("ann", "n") == NOTE
        assert await store.list_notes("ann") == [NOTE]
        await store.ping()
        await store.replace_note(replace(NOTE, version=2), None)
        await store.delete_note("ann", "n", version=3, changed_at=3)
        await store.delete_user("ann", changed_at=4)
    async with aclosing(SQLiteNoteStore(tmp_path / "notes.db", other)) as store:
        await store.count_outdated()
        await store.list_outdated(("", ""), 5)
    statements, functions = used
    assert len(set(statements)) > 30, "the connections were not recorded"
    assert [each for each in statements if NEWER.search(each)] == []
    assert {"strftime", "length", "count"} <= functions, "the functions were not recorded"
    assert functions <= FUNCTIONS


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE notes SET title = 1 RETURNING 1",
        "CREATE TABLE a (b TEXT) STRICT",
        "CREATE TABLE a (b TEXT PRIMARY KEY) WITHOUT ROWID, STRICT",
        "SELECT a ->> '$.b' FROM c",
        "SELECT a IS NOT DISTINCT FROM b",
        "INSERT INTO a VALUES (1) ON CONFLICT DO UPDATE SET b = 1",
        "INSERT INTO a VALUES (1) ON CONFLICT (b) DO NOTHING ON CONFLICT (c) DO NOTHING",
        "WITH a AS MATERIALIZED (SELECT 1) SELECT * FROM a",
        "ALTER TABLE notes DROP COLUMN title",
        "SELECT * FROM a FULL OUTER JOIN b",
    ],
)
def test_newer_syntax_is_recognised(statement: str) -> None:
    assert NEWER.search(statement)
