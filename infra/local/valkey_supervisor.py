"""One Valkey server for all processes that use a data folder.

Each process holds a shared lock on `users.lock`. The first one starts a supervisor process, which
starts the server, also again after a crash, and waits for an exclusive lock on that file. It gets
the lock when the last process has ended, and stops the server. The operating system releases the
locks of killed processes, so no lock is stale.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.valkey import start_valkey, try_lock
from shared.errors import ConfigurationError, TercetError, UnavailableError

if TYPE_CHECKING:
    from infra.local.valkey import ValkeyProcess

_PROGRAM = "from infra.local.valkey_supervisor import main; main()"
_USERS_LOCK = "users.lock"
_SUPERVISOR_LOCK = "supervisor.lock"
_URL = "valkey.url"
_DATA, _MANIFEST = "appendonlydir", "appendonly.aof.manifest"  # Valkey's names for them
_EXIT_SECONDS = 1.0
_NOT_STARTED = 3  # exit status
_FIRST_DELAY, _MAX_DELAY = 0.1, 30.0  # seconds before a server that ended is started again


@contextmanager
def shared_valkey(folder: Path) -> Iterator[str]:
    """Use the server of a folder; start it unless it is running.

    Yields:
        The server's URL, which contains its password.

    A cache that the server cannot load is moved to the folder `damaged`, with a warning: cached
    answers are generated again.

    Raises:
        UnavailableError: the server did not start.
        ConfigurationError: Valkey is not installed, or the folder cannot be written.
    """
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        _set_aside(folder, folder.with_name(f"{folder.name}.damaged"))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / _USERS_LOCK).open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while a server is being stopped
        url, supervisor = _connect(folder)
        try:
            yield url
        finally:
            users.close()
            if supervisor:
                # Wait for the server's end, unless other processes still use it.
                with suppress(subprocess.TimeoutExpired):
                    supervisor.wait(_EXIT_SECONDS)


def _connect(folder: Path) -> "tuple[str, subprocess.Popen[str] | None]":
    with (folder / "start.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # only one process may start the server
        if _is_running(folder):
            return (folder / _URL).read_text(encoding="ascii"), None
        # Without a manifest Valkey starts empty, and later loads the former file with the new one.
        if not (folder / _DATA).exists() or (folder / _DATA / _MANIFEST).exists():
            try:
                return _start_supervisor(folder)
            except UnavailableError:
                if not (folder / _DATA).exists():
                    raise
        _set_aside(folder / _DATA, folder / "damaged")
        return _start_supervisor(folder)


def _set_aside(path: Path, target: Path) -> None:
    """Rename what cannot be read; an earlier one is deleted."""
    shutil.rmtree(target, ignore_errors=True)
    path.rename(target)
    sys.stderr.write(f"tercet: warning: the cache was damaged and is now in {target}\n")


def _is_running(folder: Path) -> bool:
    """Whether a supervisor runs."""
    with (folder / _SUPERVISOR_LOCK).open("a") as lock:
        return not try_lock(lock)


def _start_supervisor(folder: Path) -> "tuple[str, subprocess.Popen[str]]":
    supervisor = subprocess.Popen(  # noqa: S603 - `main`
        # -P: do not import a module of the same name from the current folder.
        [sys.executable, "-P", "-c", _PROGRAM, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # so that Ctrl-C ends only the current command
    )
    # Slow to load, and every user of the server needs it: load it while the server starts.
    import_module("shared.cache.redis.factory")
    line = supervisor.stdout.readline().strip() if supervisor.stdout else ""
    if line.startswith("redis://"):
        return line, supervisor
    failed = UnavailableError if supervisor.wait() == _NOT_STARTED else ConfigurationError
    raise failed(line or f"Valkey did not start in {folder}")


def _supervise(folder: Path) -> None:
    with (
        # Entered first, so that the lock is released after the server has ended.
        (folder / _USERS_LOCK).open("a") as users,
        (folder / _SUPERVISOR_LOCK).open("a") as lock,
        start_valkey(folder, requirepass=os.urandom(16).hex()) as server,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        url = folder / _URL
        url.touch(mode=0o600)
        url.write_text(server.url, encoding="ascii")
        _print(server.url)
        unused = threading.Event()

        def stop_when_unused() -> None:
            fcntl.flock(users, fcntl.LOCK_EX)
            unused.set()
            server.stop()

        threading.Thread(target=stop_when_unused, daemon=True).start()
        _keep_running(server, unused)


def _keep_running(server: "ValkeyProcess", unused: threading.Event) -> None:
    """Start the server again each time that it ends, on its port, until it is unused.

    The delay doubles while the server ends within the longest delay.
    """
    delay = _FIRST_DELAY
    while True:
        start = time.monotonic()
        server.wait()
        if time.monotonic() - start > _MAX_DELAY:
            delay = _FIRST_DELAY
        if unused.wait(delay):
            return
        with suppress(TercetError, OSError):  # reported in the server's log, and tried again
            server.start()
        delay = min(2 * delay, _MAX_DELAY)


def _print(line: str) -> None:
    with suppress(BrokenPipeError):  # the process that started the supervisor may have ended
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main() -> None:
    """Run the supervisor of the folder that is the first argument."""
    folder = Path(sys.argv[1])
    try:
        _supervise(folder)
    except UnavailableError as error:
        _print(str(error))
        sys.exit(_NOT_STARTED)
    except TercetError as error:
        _print(str(error))
    except OSError as error:
        _print(f"{error.filename or folder}: {error.strerror}")
