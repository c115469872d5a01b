"""What users expect of any command: version, help, completion, and errors without a traceback."""

import json
import os
import pty
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.command import ROOT, Tercet, environment, start_tercet

LATIN = {"PYTHONIOENCODING": "latin-1"}
TERCET = Path(sys.executable).with_name("tercet")


def shell(script: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    path = f"{TERCET.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment() | {"PATH": path} | variables,
        cwd=ROOT,
    )


@pytest.fixture
def data(tercet: Tercet, tmp_path: Path) -> Path:
    """A data folder with one note."""
    note, data = tmp_path / "tea.md", tmp_path / "data"
    note.write_text("The tea is at four.\n")
    assert tercet("notes", "import", note, "--data", data).exit_code == 0
    return data


def text_of(tercet: Tercet, data: Path, note_id: str = "tea") -> str:
    result = tercet("notes", "show", note_id, "--data", data, "--json")
    text: str = json.loads(result.stdout)["text"]
    return text


def editor(tmp_path: Path, script: str) -> dict[str, str]:
    """An editor that runs a shell script with the file as $1."""
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"EDITOR": str(path)}


def test_version_and_short_help_are_printed(tercet: Tercet) -> None:
    assert tercet("--version").stdout == "tercet 0.1.0\n"
    for command in ([], ["notes"], ["notes", "list"], ["ask"]):
        assert tercet(*command, "-h").stdout == tercet(*command, "--help").stdout


def test_shell_completes_commands_and_the_values_of_options() -> None:
    script = 'eval "$(tercet completion bash)"; complete -p tercet'
    registered = shell(script)
    assert (registered.returncode, registered.stderr) == (0, "")
    words = {
        "tercet no": ["notes"],
        "tercet notes e": ["edit"],
        "tercet ask --model ext": ["extractive"],
    }
    for line, completions in words.items():
        count = str(len(line.split()) - 1)
        done = shell("tercet", _TERCET_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=count)
        assert done.stdout.split() == [f"plain,{each}" for each in completions]


def test_folder_of_the_environment_is_used(
    tercet: Tercet, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERCET_DATA", str(data))
    assert tercet("notes", "list").stdout.startswith("tea\t")


@pytest.mark.parametrize(
    "command", ["notes list", "notes show x", "notes delete x", "ask x", "stats", "export"]
)
def test_command_that_reads_creates_no_folder(
    tercet: Tercet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = tercet(*command.split())
    message = "tercet: no data in ./.tercet; import notes: tercet notes import FOLDER\n"
    assert (result.exit_code, result.stderr) == (1, message)
    assert not list(tmp_path.iterdir())


def test_editor_changes_a_note_or_creates_one(
    tercet: Tercet, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in editor(tmp_path, 'sed -i s/four/five/ "$1"').items():
        monkeypatch.setenv(name, value)
    result = tercet("notes", "edit", "tea", "--data", data)
    assert result.stdout == "tea written; 0 cached answers dropped, 0 retained\n"
    assert text_of(tercet, data) == "The tea is at five.\n"
    assert tercet("notes", "edit", "tea", "--data", data).stdout == "tea unchanged\n"
    for name, value in editor(tmp_path, 'echo "New." > "$1"').items():
        monkeypatch.setenv(name, value)
    assert tercet("notes", "edit", "cakes", "--data", data).exit_code == 0
    assert text_of(tercet, data, "cakes") == "New.\n"


@pytest.mark.parametrize(
    "saved",
    [
        (f"{TERCET} notes edit tea --text other --data DATA; echo mine > $1", "was changed while"),
        (r"printf 'mine \377' > $1", "is not UTF-8 at byte 5"),
        ("echo mine > $1; exit 1", "Editing failed"),
    ],
)
def test_edited_text_that_is_not_stored_is_kept(
    tercet: Tercet,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    saved: tuple[str, str],
) -> None:
    script, message = saved
    for name, value in editor(tmp_path, script.replace("DATA", str(data))).items():
        monkeypatch.setenv(name, value)
    before = text_of(tercet, data)
    result = tercet("notes", "edit", "tea", "--data", data)
    assert result.exit_code == 1
    assert message in result.stderr
    draft = Path(result.stderr.split()[-1])
    assert draft.read_bytes().startswith(b"mine")
    draft.unlink()
    assert text_of(tercet, data) in {before, "other"}


@pytest.mark.parametrize(
    "failed",
    [
        ("false", "false: Editing failed"),
        ("no-such-editor", "No such file or directory: 'no-such-editor'"),
        ("'unbalanced", "the editor's command is not valid: No closing quotation"),
    ],
)
def test_editor_that_fails_leaves_no_draft_of_an_unchanged_text(
    tercet: Tercet,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failed: tuple[str, str],
) -> None:
    command, message = failed
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("EDITOR", command)
    result = tercet("notes", "edit", "tea", "--data", data)
    assert (result.exit_code, message in result.stderr) == (1, True)
    assert not [*tmp_path.glob("tercet-*.md")]


def test_error_of_a_note_names_the_field_and_the_limit(tercet: Tercet, data: Path) -> None:
    result = tercet("notes", "edit", "tea", "--text", "x", "--tag", "t" * 101, "--data", data)
    assert result.exit_code == 1
    assert result.stderr == (
        "tercet: note 'tea': tags.0: String should have at most 100 characters\n"
    )


def test_reembed_without_a_terminal_prints_one_line(tercet: Tercet, data: Path) -> None:
    result = tercet("reembed", "--data", data)
    assert (result.stdout, result.stderr) == ("0 notes embedded\n", "")


def test_serve_names_the_host_that_it_needs(tercet: Tercet, data: Path) -> None:
    result = tercet("serve", "--host", "0.0.0.0", "--data", data)  # noqa: S104
    assert result.exit_code == 1
    assert "a loopback address, such as 127.0.0.1, not 0.0.0.0" in result.stderr


def test_byte_order_mark_of_a_file_is_not_part_of_the_text(
    tercet: Tercet, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "text"
    file.write_text("The tea is at five.", encoding="utf-8-sig")
    assert tercet("notes", "edit", "tea", "--file", file, "--data", data).exit_code == 0
    assert text_of(tercet, data) == "The tea is at five."


def test_title_and_tags_change_without_the_text(tercet: Tercet, data: Path) -> None:
    assert tercet("notes", "edit", "tea", "--title", "T", "--tag", "a", "--data", data).output
    assert text_of(tercet, data) == "The tea is at four.\n"
    assert tercet("notes", "list", "--data", data).stdout.split("\t")[1] == "T"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("command", ["notes list", "export", "--help"])
def test_full_disk_is_an_error_of_one_line(data: Path, command: str) -> None:
    done = shell(f"tercet {command} > /dev/full", TERCET_DATA=str(data))
    assert (done.returncode, done.stderr) == (1, "tercet: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_error(data: Path, closed: str) -> None:
    done = shell(f"tercet notes list {closed}", TERCET_DATA=str(data))
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_during_the_imports_prints_no_traceback() -> None:
    program = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
signal.signal(signal.SIGINT, signal.default_int_handler)
from infra.local.entry_point import main
main()
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_output_without_utf8_has_escapes_and_no_traceback(tercet: Tercet, data: Path) -> None:
    tercet("notes", "edit", "tea", "--text", "\u05ea\u05d4 \xe9", "--data", data)
    for command in ("notes show tea", "notes list", "export", "ask tea"):
        done = shell(f"tercet {command} | iconv -f latin1", TERCET_DATA=str(data), **LATIN)
        assert (done.returncode, done.stderr) == (0, "")
    assert shell("tercet notes show tea", TERCET_DATA=str(data)).stdout == "\u05ea\u05d4 \xe9\n"
    shown = shell("tercet notes show tea | iconv -f latin1", TERCET_DATA=str(data), **LATIN).stdout
    assert shown == "\\u05ea\\u05d4 \xe9\n"


@pytest.mark.parametrize("command", ["notes show tea", "notes list", "ask tea"])
def test_control_characters_of_a_note_do_not_reach_the_terminal(
    tercet: Tercet, data: Path, command: str
) -> None:
    title = "The\x1b]0;tea\x07\x9b2J"
    tercet("notes", "edit", "tea", "--title", title, "--text", title, "--data", data)
    controller, terminal = pty.openpty()
    subprocess.run(
        [TERCET, *command.split()],
        stdout=terminal,
        check=True,
        env=environment() | {"TERCET_DATA": str(data)},
    )
    os.close(terminal)
    shown = os.read(controller, 100_000).decode()
    os.close(controller)
    assert "The]0;tea2J" in shown
    assert not any(text in shown for text in ("\x1b]", "\x07", "\x9b"))


def test_closed_pipe_ends_a_command_silently(data: Path) -> None:
    done = shell("tercet export | true", TERCET_DATA=str(data))
    assert done.stderr == ""


@pytest.mark.parametrize(
    "name", ['quo"te', "back\\slash", "[brackets]", "st*r", "h#sh", "line\n", "é"]
)
def test_data_folder_may_have_any_name_without_question_marks(
    tercet: Tercet, tmp_path: Path, name: str
) -> None:
    data = tmp_path / name
    assert tercet("notes", "edit", "tea", "--text", "Tea.", "--data", data).exit_code == 0
    assert text_of(tercet, data) == "Tea."
    assert [*data.glob("cache/appendonlydir/*.manifest")]
    other = tercet("notes", "edit", "tea", "--text", "Tea.", "--data", data / "what?")
    assert (other.exit_code, "must not contain '?'" in other.stderr) == (1, True)


@pytest.mark.parametrize("use", ["notes list", "notes import .", "ask x"])
def test_file_as_data_folder_is_an_error(tmp_path: Path, use: str) -> None:
    file = tmp_path / "file"
    file.write_text("")
    process = start_tercet(*use.split(), "--data", file)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "is a file" in errors
    assert "Traceback" not in errors
