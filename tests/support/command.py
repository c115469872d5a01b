"""The `tercet` command, in this process or in a child process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.local.cli import app

ROOT = Path(__file__).resolve().parents[2]
_OVERRIDE_PREFIXES = ("HF_", "REDIS_", "CACHE_", "DATABASE_", "TERCET_", "SEMANTIC_", "WARM_")

Tercet = Callable[..., Result]


def environment() -> dict[str, str]:
    """The environment of this process without Tercet's settings."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_OVERRIDE_PREFIXES)
    }


def start_tercet(
    *arguments: str | Path,
    stderr: int = subprocess.PIPE,
    controlling_terminal: int | None = None,
    **settings: str,
) -> "subprocess.Popen[str]":
    """Start `tercet` as a child process, with these settings.

    Ctrl-C on its controlling terminal, a file descriptor, interrupts it.
    """
    # As in a terminal: the tests may run in a background process, which ignores SIGINT.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    if controlling_terminal is not None:
        program += (
            f"import fcntl, termios; fcntl.ioctl({controlling_terminal}, termios.TIOCSCTTY, 0)\n"
        )
    program += "from infra.local.cli import app; app()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        env=environment() | settings,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=controlling_terminal is not None,
        pass_fds=() if controlling_terminal is None else (controlling_terminal,),
    )


@contextmanager
def serve_tercet(data: Path) -> Iterator[str]:
    """Run `tercet serve`; yield its URL. Its log is discarded: a full pipe would block it."""
    arguments = ("serve", "--port", "0", "--data", data)
    process = start_tercet(*arguments, stderr=subprocess.DEVNULL)
    assert process.stdout
    yield process.stdout.readline().split()[3]
    process.terminate()
    process.wait(30)


@contextmanager
def tercet_in_process() -> Iterator[Tercet]:
    """Run `tercet` in this process, which loads MiniLM once for all tests."""

    def run(*arguments: str | Path, **options: str) -> Result:
        return CliRunner().invoke(app, [str(each) for each in arguments], **options)  # type: ignore[arg-type]  # input=

    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - environment().keys():
            patch.delenv(name)
        yield run


@pytest.fixture
def tercet() -> Iterator[Tercet]:
    with tercet_in_process() as run:
        yield run
