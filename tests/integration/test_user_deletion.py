"""Deleting a user leaves nothing of theirs in the files of the local edition."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from infra.local.embedded import open_embedded
from shared.cache import keyspace
from shared.errors import CacheUnavailableError, StoreUnavailableError
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.notes.note import Chunk, Note
from shared.notes.sql_store import SQLNoteStore
from shared.notes.sqlite import SQLiteNoteStore
from shared.vectors import canonical
from tests.support.full_stack import ask, updated
from tests.support.note_backends import DIMENSIONS, PROFILE

USER = "canary-user"
MARK = b"canary"
VECTOR = canonical(np.arange(1.0, DIMENSIONS + 1))
QUESTION = "What does the canary eat?"


def _user_deleted(user_id: str) -> NoteChanged:
    now = datetime.now(UTC)
    return NoteChanged(user_id=user_id, operation=Operation.USER_DELETED, occurred_at=now)


def _content(folder: Path, *names: str) -> bytes:
    """Return the bytes of all files, or of those whose path contains one of `names`."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    selected = [each for each in files if not names or any(name in str(each) for name in names)]
    return b"".join(path.read_bytes() for path in selected)


async def test_files_of_notes_and_cache_contain_nothing_of_a_deleted_user(tmp_path: Path) -> None:
    keys = {user: keyspace.UserKeys.of(user).questions.encode() for user in (USER, "ben")}
    with open_embedded(tmp_path, environ={}) as container:
        try:
            for user, food in ((USER, "canary seed"), ("ben", "bread")):
                await container.freshness.note_changed(updated(user, "n", f"It eats {food}."))
                question = QUESTION if user == USER else "What does Ben eat?"
                assert (await ask(container, user, question)).answer
            assert MARK in _content(tmp_path, "notes.db")
            log = _content(tmp_path, "appendonly")
            assert keys[USER] in log
            assert keys["ben"] in log
            deleted = (USER, "another")
            await asyncio.gather(
                *(container.freshness.note_changed(_user_deleted(user)) for user in deleted)
            )
            assert MARK not in _content(tmp_path)
            assert keys[USER] not in _content(tmp_path)
            assert keys["ben"] in _content(tmp_path, "appendonly")
            assert (await ask(container, "ben", "What does Ben eat?")).tier == "l1"
        finally:
            await container.aclose()
    assert MARK not in _content(tmp_path)
    assert keys[USER] not in _content(tmp_path)


async def test_append_only_file_that_is_not_rewritten_fails_the_deletion(tmp_path: Path) -> None:
    with open_embedded(tmp_path, environ={}) as container:
        try:
            await container.freshness.note_changed(updated(USER, "n", "It eats seed."))
            folder = tmp_path / "cache" / "appendonlydir"
            folder.rename(tmp_path / "moved")
            folder.touch()
            with pytest.raises(CacheUnavailableError):
                await container.freshness.note_changed(_user_deleted(USER))
        finally:
            await container.aclose()


async def _write_notes(store: SQLiteNoteStore) -> None:
    """Write, replace and delete notes of many sizes, in pages that other users share."""
    for number in range(40):
        size = (number * 7919) % 9_000
        for user, word in ((USER, "canary "), ("ben", "bread ")):
            note_id, text = f"{user}{number}", (word * (size // len(word) + 1))[:size] or word
            for version in range(1, 2 + number % 3):
                note = Note(user, note_id, word, f"{text}{version}", version, version)
                chunk = Chunk(f"{note_id}-{version}", note_id, note.text, VECTOR)
                await store.replace_note(note, [chunk])
            if number % 5 == 0:
                await store.delete_note(user, note_id, version=9, changed_at=9)


@pytest.mark.parametrize("truncates", [True, False])
async def test_sqlite_files_contain_nothing_of_a_deleted_user(
    tmp_path: Path, *, truncates: bool
) -> None:
    store = SQLiteNoteStore(tmp_path / "notes.db", PROFILE)
    try:
        await _write_notes(store)
        assert MARK in _content(tmp_path)
        kind = SQLiteNoteStore if truncates else SQLNoteStore  # without: a mutation
        await kind.delete_user(store, USER, changed_at=10)
        assert (MARK in _content(tmp_path)) is not truncates
        assert len(await store.list_notes("ben")) == 32
    finally:
        await store.aclose()


async def test_deletion_is_not_acknowledged_while_another_process_reads_former_pages(
    tmp_path: Path,
) -> None:
    path = tmp_path / "notes.db"
    store = SQLiteNoteStore(path, PROFILE, busy_timeout=0.1)
    reader = sqlite3.connect(path, isolation_level=None)
    try:
        await store.replace_note(Note(USER, "n", "", "canary", 1, 1), [])
        reader.execute("BEGIN")
        assert reader.execute("SELECT text FROM notes").fetchall() == [("canary",)]
        with pytest.raises(StoreUnavailableError, match="repeat this later"):
            await store.delete_user(USER, changed_at=10)
        reader.execute("COMMIT")
        await store.delete_user(USER, changed_at=10)
        assert MARK not in _content(tmp_path)
    finally:
        reader.close()
        await store.aclose()


@pytest.mark.parametrize("name", ["file", "folder", "text"])
async def test_errors_of_sqlite_do_not_contain_the_path(tmp_path: Path, name: str) -> None:
    path = tmp_path / "private-folder" / "notes.db"
    if name == "file":
        path.parent.write_text("")
    elif name == "folder":
        path.mkdir(parents=True)
    else:
        path.parent.mkdir()
        path.write_text("This is no database, although it is a file of some length." * 100)
    with pytest.raises(StoreUnavailableError) as caught:
        await SQLiteNoteStore(path, PROFILE).list_notes("ann")
    assert "private-folder" not in str(caught.value)
    expected = "is damaged" if name == "text" else "cannot be used"
    assert expected in str(caught.value)
