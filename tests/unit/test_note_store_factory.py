"""Tests of the creation of note stores from URLs."""

from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.notes.embedding_profile import EmbeddingProfile
from shared.notes.factory import create_note_store
from shared.notes.note import Note

PROFILE = EmbeddingProfile("model", 8)


@pytest.mark.parametrize("absolute", [False, True])
async def test_sqlite_url_can_be_relative_or_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, absolute: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = f"{tmp_path}/" if absolute else ""
    store = create_note_store(f"sqlite:///{folder}folder/notes.db", PROFILE)
    await store.replace_note(Note("ann", "n", "", "", 1, 1), [])
    await store.aclose()
    assert (tmp_path / "folder" / "notes.db").exists()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_postgres_url_creates_a_store_without_connecting(scheme: str) -> None:
    store = create_note_store(f"{scheme}://ann@unknown.invalid/notes", PROFILE)
    assert type(store).__name__ == "PostgresNoteStore"


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///", "notes.db", "mysql://x:secret@y"])
def test_other_url_is_rejected_with_the_accepted_forms(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:///.*postgresql://") as caught:
        create_note_store(url, PROFILE)
    assert "x:secret" not in str(caught.value)
