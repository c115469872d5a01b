"""What the `tercet` command does while it waits: it shows what is done, and Ctrl-C ends it."""

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import ROOT, Tercet, environment, start_tercet

PROGRESS = "tercet: opening the cache, loading the models and answering"
# Without the delay, so that the duration of a question does not matter.
ASK = "import infra.local.commands.ask as ask; ask._QUIET_SECONDS = 0; ask.ask()"


@pytest.fixture
def data(tercet: Tercet, tmp_path: Path) -> Path:
    """A data folder with one note."""
    data = tmp_path / "data"
    assert tercet("notes", "edit", "tea", "--text", "Tea is at four.", "--data", data).output
    return data


def ask(data: Path, stderr: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", ASK, "When is tea?", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment(),
    )


def test_ask_shows_what_it_does_on_a_terminal_only(data: Path) -> None:
    controller, terminal = pty.openpty()
    done = ask(data, terminal)
    os.close(terminal)
    assert os.read(controller, 1_000).decode() == f"{PROGRESS}\r\n"
    os.close(controller)
    assert done.stdout.startswith("Tea is at four. [1]\n")
    assert ask(data, subprocess.PIPE).stderr == ""


@pytest.fixture
def unresponsive() -> Iterator[socket.socket]:
    """A server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        yield listener


@pytest.mark.parametrize(
    "command",
    [
        "ask x",
        "export",
        "notes delete x",
        "notes edit x --text y",
        "notes list",
        "notes show x",
        "reembed",
        "warm --file QUESTIONS",
    ],
)
def test_ctrl_c_ends_a_command_that_waits_for_the_notes_with_130(
    tmp_path: Path, unresponsive: socket.socket, command: str
) -> None:
    (questions := tmp_path / "questions").write_text("x\n")
    arguments = command.replace("QUESTIONS", str(questions)).split()
    url = f"postgresql://127.0.0.1:{unresponsive.getsockname()[1]}/notes"
    process = start_tercet(*arguments, "--data", tmp_path / "data", DATABASE_URL=url)
    unresponsive.accept()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "\ntercet: interrupted\n" in errors  # asyncpg and a progress bar may print more
    assert "Traceback" not in errors


@pytest.mark.parametrize("command", ["match --pairs", "warm --file", "ask x --history"])
def test_ctrl_c_ends_a_command_that_waits_for_a_file_with_130(
    data: Path, tmp_path: Path, command: str
) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    process = start_tercet(*command.split(), pipe, TERCET_DATA=str(data))
    with pipe.open("w"):  # waits until the command has opened the pipe, too
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "\ntercet: interrupted\n")
