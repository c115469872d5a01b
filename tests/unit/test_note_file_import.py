"""Notes read from files and folders."""

import json
import os
import re
import unicodedata
from pathlib import Path

import pytest

from shared.errors import InvalidRequestError
from shared.notes.files.file_import import ImportedNote, normalize_prefix, read_note_files
from shared.notes.messages.note_changed import MAX_TEXT, MAX_TITLE
from tests.support.data import real_data

GOOD = '{"note_id": "a", "title": "A", "text": "one"}'


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def note_ids(path: Path, prefix: str = "") -> list[str]:
    files = read_note_files(path, prefix)
    assert files.problems == []
    return [note.note_id for note in files.notes]


@pytest.mark.parametrize(
    ("name", "content", "title", "text"),
    [
        ("grace.md", "# Of grace ##\r\n\r\nText", "Of grace", "# Of grace ##\n\nText"),
        ("grace.md", "---\ntitle: Grace\n---\n[[Text]]", "Grace", "Text"),
        ("grace.txt", "No [[heading]] here\r", "grace", "No [[heading]] here\n"),
        ("my.notes.MD", "#hashtag is no heading", "my.notes", "#hashtag is no heading"),
        ("grace.md", "## Lower heading", "grace", "## Lower heading"),
        ("empty.md", "---\nx: y\n---\n", "empty", ""),
    ],
)
def test_text_file_is_one_note(
    tmp_path: Path, name: str, content: str, title: str, text: str
) -> None:
    files = read_note_files(write(tmp_path / name, content))
    assert files.notes == [ImportedNote(name.rpartition(".")[0], title, text)]
    assert (files.problems, files.warnings, +files.skipped) == ([], [], {})


def test_tags_of_files_and_lines_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "---\ntags: [Bible/Romans, '#hope', hope]\n---\nText")
    write(tmp_path / "b.txt", "---\ntags: [hope]\n---\nText")
    line = '{"note_id": "c", "title": "", "text": "", "tags": ["Bible/Romans", "#hope"]}'
    write(tmp_path / "c.jsonl", line)
    write(
        tmp_path / "d.jsonl",
        line.replace('"c"', '"d"').replace('["Bible/Romans", "#hope"]', "null"),
    )
    files = read_note_files(tmp_path)
    assert {note.note_id: note.tags for note in files.notes} == {
        "a": ("bible", "bible/romans", "hope"),
        "b": (),
        "c": ("bible/romans", "hope"),
        "d": (),
    }
    assert (files.problems, files.warnings) == ([], [])


def test_note_with_too_many_or_too_long_tags_keeps_the_others(tmp_path: Path) -> None:
    tags = [f"t{number:03}" for number in range(101)]
    write(tmp_path / "a.md", f"---\ntags: [{', '.join(tags)}]\n---\nText")
    write(tmp_path / "b.md", f"---\ntags: [short, {'x' * 101}]\n---\nText")
    files = read_note_files(tmp_path)
    assert [note.tags for note in files.notes] == [tuple(tags[:100]), ("short",)]
    assert [warning.partition(":")[2] for warning in files.warnings] == [
        " has 101 tags; only 100 are kept: at most 100, of at most 100 characters",
        " has 2 tags; only 1 are kept: at most 100, of at most 100 characters",
    ]


@pytest.mark.parametrize("tags", ['"hope"', "[1]", "5", '{"a": 1}'])
def test_line_with_invalid_tags_is_a_problem(tmp_path: Path, tags: str) -> None:
    line = f'{{"note_id": "c", "title": "", "text": "", "tags": {tags}}}'
    files = read_note_files(write(tmp_path / "c.jsonl", line))
    assert [problem.partition("line 1: ")[2] for problem in files.problems] == [
        "'tags' must be a list of texts"
    ]


def test_folder_is_read_recursively(tmp_path: Path) -> None:
    for name in ("b.md", "a/c.txt", "a/b.markdown", ".hidden/d.md", "a/.e.md", "f.png"):
        write(tmp_path / name, "text")
    write(tmp_path / "z.jsonl", GOOD)
    files = read_note_files(tmp_path)
    assert [note.note_id for note in files.notes] == ["a/b", "a/c", "b", "a"]
    assert files.skipped["other_types"] == 1


def test_json_lines_can_have_line_separators_and_blank_lines(tmp_path: Path) -> None:
    text = "one\u2028two\x85three\x0bfour"
    line = json.dumps({"note_id": "n", "title": "", "text": text, "more": 1}, ensure_ascii=False)
    path = write(tmp_path / "n.jsonl", b"\xef\xbb\xbf" + f"\r\n{GOOD}\r\n\n{line}".encode())
    assert [note.text for note in read_note_files(path).notes] == ["one", text]


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
    last = GOOD.replace('"a"', '"last"').encode()
    path = write(tmp_path / "n.jsonl", GOOD.encode() + b"\n\n" + bad + b"\n" + last)
    files = read_note_files(path)
    assert [note.note_id for note in files.notes] == ["a", "last"]
    (problem,) = files.problems
    pattern = message.replace("(", r"\(").replace(")", r"\)")
    assert re.search(pattern, problem)
    assert problem.startswith(str(path))
    assert files.may_have("b")


TEXT = "Grüße\nvom Café, „schön“ für 5 €\n"


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (TEXT.encode(), None),
        (TEXT.encode("utf-8-sig"), None),
        (TEXT.encode("utf-16"), None),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), None),
        (TEXT.encode("utf-16-le"), None),
        (TEXT.encode("utf-16-be"), None),
        (TEXT.encode("utf-32"), None),
        (TEXT.replace("\n", "\r").encode(), None),
        (TEXT.encode("cp1252"), "line 1 is not valid UTF-8 at 0xfc; read as Windows-1252"),
    ],
)
@pytest.mark.parametrize("suffix", [".md", ".txt"])
def test_encoding_of_a_text_file_is_recognised(
    tmp_path: Path, data: bytes, warning: str | None, suffix: str
) -> None:
    path = write(tmp_path / f"n{suffix}", data)
    files = read_note_files(path)
    assert [note.text for note in files.notes] == [TEXT]
    assert len(files.warnings) == (warning is not None)
    assert all(each.startswith(f"{path}: {warning}") for each in files.warnings)


def test_one_damaged_byte_does_not_change_the_other_characters(tmp_path: Path) -> None:
    files = read_note_files(write(tmp_path / "n.md", TEXT.encode() + b"\xff"))
    assert files.notes[0].text == TEXT + "\ufffd"
    assert "line 3 is not valid UTF-8 at 0xff; damaged characters" in files.warnings[0]


def test_json_lines_in_utf_16_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "n.jsonl", f"{GOOD}\n".encode("utf-16"))
    assert note_ids(path) == ["a"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("binary.md", b"\x81\x8d\x8f binary", "not text: neither valid UTF-8 nor Windows-1252"),
        ("odd.md", "abc".encode("utf-16") + b"\0", "not text: neither valid UTF-8 nor UTF-16"),
        ("long.md", "x" * (MAX_TEXT + 1), "the text has 1,000,001 characters; the maximum is"),
        ("huge.txt", "x" * (4 * MAX_TEXT + 1), "the file has 4,000,001 bytes; the maximum is"),
        (f"{'d' * 200}/{'n' * 200}.md", "text", "note_id must have 1 to 255 characters, not 401;"),
        (
            f"{'d' * 200}/a.jsonl",
            json.dumps({"note_id": "n" * 256, "title": "", "text": ""}),
            "1 to",
        ),
        (os.fsdecode(b"n\xff.md"), "text", "note_id must be Unicode text"),
    ],
)
def test_problem_of_one_file_is_named_and_the_others_are_read(
    tmp_path: Path, name: str, content: str | bytes, problem: str
) -> None:
    path = write(tmp_path / name, content)
    write(tmp_path / "good.md", "text")
    files = read_note_files(tmp_path)
    assert [note.note_id for note in files.notes] == ["good"]
    assert len(files.problems) == 1
    assert files.problems[0].startswith(os.fsencode(path).decode(errors="replace"))
    assert problem in files.problems[0]
    files.problems[0].encode()  # it can be printed


def test_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.md", "text")
    write(tmp_path / "b.jsonl", GOOD)

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    files = read_note_files(tmp_path)
    assert files.problems == [
        f"{tmp_path}/a.md: cannot be read: Permission denied",
        f"{tmp_path}/b.jsonl: cannot be read: Permission denied",
    ]
    assert files.may_have("a")


def test_long_title_is_cut_and_stays_in_the_text(tmp_path: Path) -> None:
    heading = "t" * (MAX_TITLE + 1)
    (note,) = read_note_files(write(tmp_path / "n.md", f"# {heading}\n")).notes
    assert note.title == "t" * (MAX_TITLE - 1) + "…"
    assert note.text == f"# {heading}\n"


def test_files_of_one_name_keep_their_suffixes_except_the_first(tmp_path: Path) -> None:
    for name in ("a.txt", "a.markdown", "a.md", "b.txt"):
        write(tmp_path / name, name)
    notes = {note.note_id: note.text for note in read_note_files(tmp_path).notes}
    assert notes == {"a": "a.md", "a.markdown": "a.markdown", "a.txt": "a.txt", "b": "b.txt"}


def test_decomposed_name_has_the_id_of_the_composed_name(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        write(tmp_path / form / unicodedata.normalize(form, "Café") / "ü.md", "text")
    composed, decomposed = read_note_files(tmp_path / "NFC"), read_note_files(tmp_path / "NFD")
    assert composed.notes == decomposed.notes == [ImportedNote("Café/ü", "ü", "text")]


def test_ids_do_not_depend_on_how_the_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "vault/a/b.md", "text")
    write(tmp_path / "other/c.md", "text")
    (tmp_path / "link").symlink_to(tmp_path / "vault")
    monkeypatch.chdir(tmp_path / "vault")
    for path in (
        tmp_path / "vault",
        ".",
        "./",
        "../vault/",
        "a/..",
        "../link",
        "../other/../vault",
    ):
        assert note_ids(Path(path)) == ["a/b"]
    for path in ("a/b.md", "./a/b.md", tmp_path / "vault/a/b.md", "../vault/a/../a/b.md"):
        assert note_ids(Path(path)) == ["b"]


@pytest.mark.parametrize("prefix", ["work", "work/", "/work//"])
def test_prefix_is_a_folder_before_each_id(tmp_path: Path, prefix: str) -> None:
    write(tmp_path / "b.md", "text")
    write(tmp_path / "c.jsonl", GOOD)
    assert note_ids(tmp_path, normalize_prefix(prefix)) == ["work/b", "work/a"]
    assert normalize_prefix("/") == ""


def test_links_pipes_and_backups_are_not_read(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "text")
    write(tmp_path / "sub/b.md", "text")
    write(tmp_path / "logseq/bak/a.md", "backup")
    write(tmp_path / "logseq/custom.css", "css")
    (tmp_path / "sub/loop").symlink_to(tmp_path)
    (tmp_path / "link.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "broken.md").symlink_to(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe.md")
    files = read_note_files(tmp_path)
    assert [note.note_id for note in files.notes] == ["a", "sub/b"]
    assert +files.skipped == {"links": 3, "other_types": 2}


def test_unreadable_folder_is_counted_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.md", "text")
    write(tmp_path / "closed/b.md", "text")
    scan = os.scandir

    def scandir(folder: str) -> object:
        if folder.endswith("closed"):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    files = read_note_files(tmp_path)
    assert [note.note_id for note in files.notes] == ["a"]
    assert +files.skipped == {"unreadable_folders": 1}
    assert files.warnings == [f"{tmp_path}/closed: cannot be read: Permission denied"]
    assert files.may_have("closed/b")
    assert not files.may_have("b")


def test_titles_and_texts_of_a_real_vault_are_right() -> None:
    """Its author relies on file names; one note has a level-1 heading."""
    files = read_note_files(real_data("notes/vault"))
    assert files.problems == files.warnings == []
    titles = {note.note_id: note.title for note in files.notes}
    names = {note_id: note_id.rpartition("/")[2] for note_id in titles}
    assert len(titles) == 102
    assert titles == names | {"References/Kevin Kelly": "Clippings"}
    for note in files.notes:
        assert "[[" not in note.text
        assert not note.text.startswith("---")


def test_path_without_notes_is_rejected_with_the_accepted_formats(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "n.pdf", "text")
    write(tmp_path / "n.jsonl", "\n")
    for name in ("absent", "empty", "n.pdf", "n.jsonl"):
        with pytest.raises(InvalidRequestError, match=rf"{name}.*\.md.*\.jsonl.*folder"):
            read_note_files(tmp_path / name)
