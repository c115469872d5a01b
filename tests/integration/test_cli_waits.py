"""What the `tercet` command does while it waits: it shows what is done."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import ROOT, Tercet, environment

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
