"""Tests of the SQLite note store with files that are damaged or that another program wrote."""

import os
import sqlite3
from contextlib import aclosing, closing
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from shared.errors import StoreUnavailableError, UnavailableError
from shared.notes.note import Chunk, Note
from shared.notes.sqlite import SQLiteNoteStore, _translate_errors
from shared.notes.sqlite_migration import MIGRATIONS
from tests.support.note_backends import PROFILE

VECTOR = np.ones(8, dtype=np.int8)
NOTE = Note("ann", "n", "Title", "Text", 1, 1)


async def use(path: Path) -> list[Exception]:
    """Call every method and return the errors."""
    errors: list[Exception] = []
    async with aclosing(SQLiteNoteStore(path, PROFILE, busy_timeout=0.05)) as store:
        for call in (
            lambda: store.search("ann", VECTOR, 3),
            lambda: store.get_chunks("ann", "n1"),
            lambda: store.get_note("ann", "n1"),
            lambda: store.list_notes("ann"),
            lambda: store.list_outdated(("", ""), 5),
            store.ping,
            lambda: store.replace_note(NOTE, [Chunk("c", "n", "Text", VECTOR)]),
            lambda: store.delete_note("ann", "n2", version=50, changed_at=50),
            lambda: store.delete_user("ann", changed_at=50),
        ):
            try:
                await call()
            except UnavailableError as error:
                errors.append(error)
    return errors


async def write_file(path: Path) -> None:
    async with aclosing(SQLiteNoteStore(path, PROFILE)) as store:
        for number in range(6):
            note = replace(NOTE, note_id=f"n{number}", text=f"Text {number} " * 20)
            chunks = [Chunk(f"c{n}", note.note_id, f"Inhalt é {n}", VECTOR) for n in range(4)]
            await store.replace_note(note, chunks)


@pytest.mark.parametrize("version", [-1, len(MIGRATIONS) + 1, 99, 2**31 - 1])
async def test_file_of_another_version_is_unavailable_and_unchanged(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "notes.db"
    await write_file(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {version}")
        rows = list(other.iterdump())
    errors = await use(path)
    assert {type(error) for error in errors} == {StoreUnavailableError}
    assert len(errors) == 9
    expected = f"the note store's file has version {version}, and this release supports 0 to "
    assert str(errors[0]).startswith(expected)
    with closing(sqlite3.connect(path)) as other:
        assert list(other.iterdump()) == rows


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("tables", ["CREATE TABLE notes (a)", "CREATE TABLE other (a)"])
async def test_file_of_another_program_is_unavailable(
    tmp_path: Path, version: int, tables: str
) -> None:
    path = tmp_path / "notes.db"
    with closing(sqlite3.connect(path)) as other:
        other.executescript(f"{tables}; PRAGMA user_version = {version}")
    if (version, tables) == (0, "CREATE TABLE other (a)"):
        assert await use(path) == []
        return
    errors = await use(path)
    assert len(errors) == 9
    assert "set DATABASE_URL to another file if another program wrote it" in str(errors[0])


async def test_replaced_file_is_used_after_an_error(tmp_path: Path) -> None:
    path, intact = tmp_path / "notes.db", tmp_path / "intact.db"
    await write_file(intact)
    await write_file(path)
    async with aclosing(SQLiteNoteStore(path, PROFILE)) as store:
        assert await store.search("ann", VECTOR, 3)
        with closing(sqlite3.connect(path)) as other:
            other.executescript("DROP TABLE chunks; DROP TABLE notes")
        for call in (
            store.list_notes("ann"),
            store.delete_note("ann", "n1", version=9, changed_at=9),
        ):
            with pytest.raises(StoreUnavailableError, match="tables are not of this version"):
                await call
        intact.replace(path)
        assert len(await store.list_notes("ann")) == 6
        assert await store.delete_note("ann", "n1", version=9, changed_at=9)


async def test_damaged_file_raises_no_other_error(tmp_path: Path) -> None:
    """2,000 files with damaged bytes gave no other error; these are some of them."""
    rng = Random(2)
    intact, path = tmp_path / "intact.db", tmp_path / "damaged.db"
    await write_file(intact)
    data, unavailable = intact.read_bytes(), 0
    for _ in range(80):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 3, 20))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(damaged[: rng.choice((None, None, rng.randrange(len(data))))])
        errors = await use(path)
        unavailable += len(errors)
        assert not any("Inhalt" in str(error) or str(tmp_path) in str(error) for error in errors)
    assert unavailable > 100


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE chunks SET embedding = 'eight888'",
        "UPDATE chunks SET embedding = 12345678",
        "UPDATE chunks SET embedding = 'x' WHERE chunk_id = 'c1'",
        "UPDATE chunks SET chunk_id = CAST(chunk_id AS BLOB) WHERE chunk_id <> 'c1'",
        "UPDATE chunks SET content = X'C3A9' WHERE chunk_id = 'c1'",
        "UPDATE chunks SET content = CAST(X'FF' AS TEXT) WHERE chunk_id = 'c1'",
        "UPDATE notes SET text = CAST(X'FF' AS TEXT)",
        "DROP TABLE notes",
        "DROP TABLE deleted_users",
        "ALTER TABLE chunks RENAME COLUMN content TO contents",
    ],
)
async def test_foreign_values_and_tables_raise_no_other_error(tmp_path: Path, change: str) -> None:
    path = tmp_path / "notes.db"
    await write_file(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute(change)
        other.commit()
    for error in await use(path):
        assert isinstance(error, UnavailableError)


async def test_health_check_finds_a_file_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notes.db"
    await write_file(path)
    async with aclosing(SQLiteNoteStore(path, PROFILE)) as store:
        await store.ping()
        # The superuser may write each file.
        monkeypatch.setattr(os, "access", lambda name, mode: (name, mode) != (path, os.W_OK))
        with pytest.raises(StoreUnavailableError, match="file is read-only"):
            await store.ping()


def test_full_disk_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "notes.db")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(StoreUnavailableError, match="the disk is full"), _translate_errors():
            connection.execute("CREATE TABLE large (x)")


def test_full_disk_is_named_where_the_index_of_the_log_cannot_grow() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    error.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
    with pytest.raises(StoreUnavailableError, match="the disk is full"), _translate_errors():
        raise error


async def test_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"no database " * 100)
    errors = await use(path)
    assert {str(error) for error in errors} == {
        "the note store's file is damaged (SQLITE_NOTADB): restore a copy, or delete it and import"
        " the notes again"
    }
