"""Tests of reading notes from files."""

import json
from pathlib import Path

import pytest

from shared.errors import InvalidRequestError
from shared.notes.file_import import read_note_files

GOOD = '{"note_id": "a", "title": "A", "text": "one"}'


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("grace.md", "Intro\n\n## Of grace ##\r\n\nText", "Of grace"),
        ("grace.txt", "No heading here", "grace"),
        ("my.notes.MD", "#hashtag is no heading", "my.notes"),
    ],
)
def test_text_file_is_one_note(tmp_path: Path, name: str, content: str, title: str) -> None:
    (note,) = read_note_files(write(tmp_path / name, content))
    assert note == (name.rpartition(".")[0], title, content)


def test_folder_is_read_recursively(tmp_path: Path) -> None:
    for name in ("b.md", "a/c.txt", "a/b.markdown", ".hidden/d.md", "a/.e.md", "f.png"):
        write(tmp_path / name, "text")
    write(tmp_path / "z.jsonl", GOOD)
    assert [note.note_id for note in read_note_files(tmp_path)] == ["a/b", "a/c", "b", "a"]


def test_json_lines_can_have_line_separators_and_blank_lines(tmp_path: Path) -> None:
    text = "one\u2028two\x85three\x0bfour"
    line = json.dumps({"note_id": "n", "title": "", "text": text, "more": 1}, ensure_ascii=False)
    path = write(tmp_path / "n.jsonl", b"\xef\xbb\xbf" + f"\r\n{GOOD}\r\n\n{line}".encode())
    assert [note.text for note in read_note_files(path)] == ["one", text]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"note_id": "b",', "line 3: not valid JSON: .* (column 17)"),
        ('["a"]', "line 3: must be an object with note_id, title, text, not a list"),
        ('{"note_id": "b", "title": "B"}', "line 3: field 'text' is missing"),
        (
            '{"note_id": 7, "title": "B", "text": ""}',
            "line 3: 'note_id' must be text, not a number",
        ),
        ('{"note_id": "b", "title": null, "text": ""}', "line 3: 'title' must be text, not null"),
        (b'{"note_id": "b\xff"}', "line 3: not valid UTF-8 at 0xff"),
        ('{"note_id": "", "title": "B", "text": ""}', "line 3: note_id must have 1 to"),
        ('{"note_id": "\\ud800", "title": "B", "text": ""}', "line 3: note_id must be Unicode"),
        (GOOD, "line 3: note_id 'a' is also that of .*, line 1"),
        ("[" * 100_000, "line 3: not valid JSON"),
        ("1" * 5_000, "line 3: not valid JSON"),
    ],
)
def test_invalid_line_is_reported_with_its_number(
    tmp_path: Path, line: str | bytes, message: str
) -> None:
    bad = line if isinstance(line, bytes) else line.encode()
    path = write(tmp_path / "n.jsonl", GOOD.encode() + b"\n\n" + bad + b"\n")
    with pytest.raises(InvalidRequestError, match=message.replace("(", r"\(").replace(")", r"\)")):
        read_note_files(path)


def test_byte_that_is_not_utf8_is_reported_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"n\.md, line 3: not valid UTF-8 at 0xe9"):
        read_note_files(write(tmp_path / "n.md", b"one\ntwo\ncaf\xe9 and more"))


def test_two_files_with_the_same_id_are_rejected(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "one")
    write(tmp_path / "a.txt", "two")
    with pytest.raises(InvalidRequestError, match=r"a\.txt: note_id 'a' is also that of .*a\.md"):
        read_note_files(tmp_path)


def test_path_without_notes_is_rejected_with_the_accepted_formats(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "n.pdf", "text")
    write(tmp_path / "n.jsonl", "\n")
    for name in ("absent", "empty", "n.pdf", "n.jsonl"):
        with pytest.raises(InvalidRequestError, match=rf"{name}.*\.md.*\.jsonl.*folder"):
            read_note_files(tmp_path / name)
