"""`tercet notes import` and `tercet notes list`, on folders as people keep them."""

import json
import os
import pty
import re
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.cache.invalidation import Invalidation
from shared.errors import CacheUnavailableError
from tests.support.command import Tercet, start_tercet
from tests.support.data import real_data

BAD = b"\x81\x8d\x8f"


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    write(
        folder / "Ben.md", "---\ntags: [people]\n---\nPhone: 555-0142, see [[Office|the office]]."
    )
    write(folder / "trips/Oslo.md", "# Oslo trip\n\nThe train leaves at 7:40. %%ask Ann%%\n")
    write(folder / "list.txt", "milk, eggs, flour")
    write(folder / "photo.png", "")
    return folder


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def run(tercet: Tercet, tmp_path: Path) -> Callable[..., Any]:
    """Run a subcommand of `tercet notes` and return its result."""

    def run(command: str, *arguments: str | Path, code: int = 0) -> Any:
        result = tercet("notes", command, *arguments, "--data", tmp_path / "data")
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def listed(run: Callable[..., Any]) -> Callable[[], list[str]]:
    """Return the ids of all notes."""
    return lambda: [line.split("\t")[0] for line in run("list").stdout.splitlines()]


def test_text_and_title_of_a_note_are_without_markup(run: Any, vault: Path) -> None:
    run("import", vault)
    notes = {note["note_id"]: note for note in json.loads(run("list", "--json").stdout)}
    assert notes["Ben"]["title"] == "Ben"
    assert notes["Ben"]["text"] == "Phone: 555-0142, see the office."
    assert notes["trips/Oslo"]["title"] == "Oslo trip"
    assert "Ann" not in notes["trips/Oslo"]["text"]


def test_second_import_embeds_nothing_however_the_path_is_written(
    run: Any, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", vault)
    monkeypatch.chdir(vault)
    for path in (".", f"{vault}/", "trips/.."):
        result = json.loads(run("import", path, "--json").stdout)
        assert (result["unchanged"], result["chunks"], result["deleted"]) == (3, 0, 0)


def test_list_in_a_pipe_has_one_line_a_note_with_tabs_and_whole_ids(run: Any, vault: Path) -> None:
    long_id = f"{'folder/' * 30}note"
    write(vault / f"{long_id}.md", "---\ntags: [b c, a]\n---\n# A\ttitle\n\nfour words of text")
    run("import", vault)
    rows = [line.split("\t") for line in run("list").stdout.splitlines()]
    assert [row[0] for row in rows] == ["Ben", long_id, "list", "trips/Oslo"]
    assert rows[1][1:3] == ["A title", "7"]
    assert [row[4] for row in rows] == ["people", "a, b c", "", ""]


def test_change_of_tags_alone_is_imported(run: Any, vault: Path) -> None:
    write(vault / "Ben.md", "---\ntags: [a]\n---\nText")
    run("import", vault)
    write(vault / "Ben.md", "---\ntags: [b]\n---\nText")
    assert json.loads(run("import", vault, "--json").stdout)["unchanged"] == 2
    assert json.loads(run("show", "Ben", "--json").stdout)["tags"] == ["b"]
    run("edit", "Ben", "--text", "Another text")
    assert json.loads(run("show", "Ben", "--json").stdout)["tags"] == ["b"]
    run("edit", "Ben", "--text", "Another text", "--tag", "#C d", "--tag", "a")
    assert json.loads(run("show", "Ben", "--json").stdout)["tags"] == ["a", "c d"]


def test_bad_file_is_named_and_the_others_are_imported(
    run: Any, listed: Callable[[], list[str]], vault: Path
) -> None:
    write(vault / "bad.md", BAD)
    write(vault / "more.jsonl", '{"note_id": "x", "title": "", "text": "new"}\n{"note_id": 3}\n')
    write(vault / "old.md", b"caf\xe9")
    result = run("import", vault, code=1)
    assert sorted(listed()) == ["Ben", "list", "old", "trips/Oslo", "x"]
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        ["tercet", "warning"],
        ["tercet", f"{vault}/bad.md"],
        ["tercet", f"{vault}/more.jsonl, line 2"],
    ]
    assert "; 2 problems; skipped: 1 other file" in result.stdout
    printed = json.loads(run("import", vault, "--json", code=1).stdout)
    assert len(printed["problems"]) == 2
    assert len(printed["warnings"]) == 1
    assert {name: count for name, count in printed["skipped"].items() if count} == {
        "other_types": 1
    }


def test_binary_and_empty_files_are_skipped_and_an_emptied_note_is_deleted(
    run: Any, listed: Callable[[], list[str]], vault: Path
) -> None:
    write(vault / "image.md", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\x81")
    write(vault / "empty.md", " \n")
    result = run("import", vault)
    assert result.stderr == f"tercet: warning: {vault}/image.md: not text; skipped\n"
    assert result.stdout.endswith("; skipped: 1 other file, 1 binary file, 1 empty file\n")
    assert len(listed()) == 3
    write(vault / "Ben.md", "")
    assert "1 note deleted" in run("import", vault).stdout
    assert "Ben" not in listed()
    assert "0 notes, 0 chunks written" in run("import", vault / "Ben.md").stdout
    assert "has no notes" in run("import", vault / "image.md", code=1).stderr


def test_strict_import_stores_nothing_if_a_note_has_a_problem(
    run: Any, listed: Callable[[], list[str]], vault: Path
) -> None:
    write(vault / "bad.md", BAD)
    write(vault / "worse.md", BAD)
    result = run("import", vault, "--strict", code=1)
    assert result.stdout == ""
    assert "no data" in run("list", code=1).stderr
    assert "bad.md: not text" in result.stderr
    assert "worse.md: not text" in result.stderr
    (vault / "bad.md").unlink()
    (vault / "worse.md").unlink()
    run("import", vault, "--strict")
    assert len(listed()) == 3


def test_import_fails_if_every_note_has_a_problem(run: Any, vault: Path) -> None:
    write(vault / "sub/bad.md", BAD)
    assert "nothing imported: 1 problem" in run("import", vault / "sub", code=1).stderr


def test_prune_deletes_only_notes_of_the_folder_whose_file_is_gone(
    run: Any, listed: Callable[[], list[str]], vault: Path, tmp_path: Path
) -> None:
    write(tmp_path / "other/note.md", "other folder")
    write(vault / "old.md", "old")
    run("edit", "by-hand", "--text", "written by hand")
    run("import", tmp_path / "other")
    run("import", vault)
    run("import", vault, "--prefix", "copy")
    (vault / "list.txt").unlink()
    (vault / "trips/Oslo.md").unlink()
    write(vault / "old.md", BAD)
    run("import", vault, code=1)
    assert {"list", "trips/Oslo"} < set(listed())
    result = run("import", f"{vault}/trips/../", "--prune", code=1)
    assert "2 notes deleted" in result.stdout
    kept = {"Ben", "old", "by-hand", "note"}
    copies = {"copy/Ben", "copy/old", "copy/list", "copy/trips/Oslo"}
    assert set(listed()) == kept | copies
    run("import", vault, "--prefix", "copy/", "--prune", code=1)
    assert set(listed()) == kept | {"copy/Ben", "copy/old"}


def test_import_after_a_failed_one_drops_the_answers_that_it_left(
    run: Any, tercet: Tercet, vault: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failed import has stored the note, so the next one skips it as unchanged."""

    def ask() -> str:
        return tercet("ask", "When does the train leave?", "--data", tmp_path / "data").stdout

    async def fail(*_: object) -> None:
        raise CacheUnavailableError("no server")

    run("import", vault)
    assert "7:40" in ask()
    write(vault / "trips/Oslo.md", "# Oslo trip\n\nThe train leaves at 8:15.\n")
    with monkeypatch.context() as patch:
        patch.setattr(Invalidation, "rotate_fence", fail)
        run("import", vault, code=1)
    run("import", vault)
    assert "8:15" in ask()
    run("import", vault)
    assert (
        "exact match"
        in tercet("ask", "When does the train leave?", "--data", tmp_path / "data").stdout
    )


def test_prune_needs_a_folder_with_notes(run: Any, vault: Path) -> None:
    run("import", vault)
    run("import", vault / "Ben.md", "--prune", code=2)
    for file in vault.rglob("*.*"):
        file.unlink()
    assert "has no notes" in run("import", vault, "--prune", code=1).stderr
    assert len(run("list").stdout.splitlines()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--watch",)])
def test_ctrl_c_on_a_terminal_ends_an_import_soon_and_the_next_one_continues(
    tmp_path: Path, run: Any, options: tuple[str, ...]
) -> None:
    for number in range(200):
        write(tmp_path / f"vault/{number}.md", f"Note {number} is about {number}. " * 20)
    with terminal() as (controller, terminal_file):
        process = start_tercet(
            "notes",
            "import",
            tmp_path / "vault",
            *options,
            "--data",
            tmp_path / "data",
            stderr=terminal_file,
            controlling_terminal=terminal_file,
        )
        try:
            shown = read_until(controller, r"\d\d of 200 notes, about \d+ (s|min) left")
            os.write(controller, b"\x03")
            start = time.monotonic()
            shown += read_until(controller, "again to continue")
            process.wait(60)
            assert time.monotonic() - start < 5, "a busy machine takes longer than a second"
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 130
    (stored,) = re.findall(r"interrupted: (\d+) of 200 notes stored; import again", shown)
    assert 0 < int(stored) <= len(list_ids(run)) < 200
    assert json.loads(run("import", tmp_path / "vault", "--json").stdout)["unchanged"] >= int(
        stored
    )
    assert len(list_ids(run)) == 200


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Yield the file descriptors of a terminal's two ends: the user's and the program's."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def read_until(controller: int, pattern: str) -> str:
    """Read what a program prints on a terminal until it matches a pattern."""
    shown, deadline = "", time.monotonic() + 120
    while not re.search(pattern, shown):
        assert time.monotonic() < deadline, shown
        if select.select([controller], [], [], 1)[0]:
            shown += os.read(controller, 65_536).decode()
    return shown


def list_ids(run: Any) -> list[str]:
    return [line.split("\t")[0] for line in run("list").stdout.splitlines()]


@pytest.mark.slow
def test_watch_imports_each_change_until_interrupted(vault: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = start_tercet("notes", "import", vault, "--watch", "--prune", "--json", "--data", data)
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["notes"] == 3
        write(vault / "new.md", "new")
        assert json.loads(process.stdout.readline())["chunks"] == 1
        (vault / "new.md").unlink()
        assert json.loads(process.stdout.readline())["deleted"] == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_real_vault_is_imported_without_a_problem(
    run: Any, listed: Callable[[], list[str]]
) -> None:
    folder = real_data("notes/vault")
    result = json.loads(run("import", folder, "--json").stdout)
    assert (result["notes"], result["problems"], result["warnings"]) == (102, [], [])
    assert result["skipped"]["other_types"] == 31
    assert len(listed()) == 102
