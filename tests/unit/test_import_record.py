"""The record of imported notes."""

from pathlib import Path

import pytest

from infra.local.import_record import ImportRecord
from shared.errors import ConfigurationError


def test_record_is_read_by_user_folder_and_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    ImportRecord(tmp_path / "data", "ann", vault, "").add(["a", "\u00e9"])
    ImportRecord(tmp_path / "data", "ann", vault, "").add(["b"])
    monkeypatch.chdir(vault)
    record = ImportRecord(tmp_path / "data", "ann", Path(), "")
    assert all(note_id in record for note_id in ("a", "b", "\u00e9"))
    assert "c" not in record
    for other in (("ben", vault, ""), ("ann", tmp_path, ""), ("ann", vault, "work/")):
        assert "a" not in ImportRecord(tmp_path / "data", *other)


def test_record_has_no_names(tmp_path: Path) -> None:
    ImportRecord(tmp_path, "ann", tmp_path / "diary", "work/").add(["work/secret"])
    text = (tmp_path / "imports.json").read_text()
    assert not [name for name in ("ann", "diary", "work", "secret") if name in text]
    assert [path.name for path in tmp_path.iterdir()] == ["imports.json"]


@pytest.mark.parametrize("content", ["", "[]", "{", "\xff"])
def test_invalid_record_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "imports.json").write_text(content, encoding="latin-1")
    with pytest.raises(ConfigurationError, match=r"imports\.json is not valid; delete it"):
        ImportRecord(tmp_path, "ann", tmp_path, "")
