"""A database URL names the store, and the driver of no other is imported."""

from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.notes.factory import create_note_store
from shared.notes.note import Note


@pytest.mark.parametrize("absolute", [False, True])
async def test_a_sqlite_url_names_a_relative_or_an_absolute_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, absolute: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    where = f"{tmp_path}/" if absolute else ""
    store = create_note_store(f"sqlite:///{where}folder/notes.db", 384)
    await store.replace_note(Note("ann", "n", "", "", 1, 1), [])
    await store.aclose()
    assert (tmp_path / "folder" / "notes.db").exists()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_postgres_url_connects_later(scheme: str) -> None:
    assert (
        type(create_note_store(f"{scheme}://nobody@nowhere/notes", 384)).__name__
        == "PostgresNoteStore"
    )


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///", "notes.db", "mysql://x:secret@y"])
def test_any_other_url_is_refused_with_the_accepted_forms(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:///.*postgresql://") as caught:
        create_note_store(url, 384)
    assert "x:secret" not in str(caught.value)
