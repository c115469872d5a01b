"""One Valkey for all who use a folder at the same time, gone when the last of them is.

Everyone holds a shared lock on `users.lock`. The first one starts a keeper, a process of its
own, which starts the server and then asks for that lock alone: it is granted when nobody is
left, in whatever way they ended, and while it is held nobody comes in. The system drops the
locks of the dead, so none is ever stale.
"""

import fcntl
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.local.valkey import ValkeyProcess, start_valkey
from shared.errors import TercetError, UnavailableError

_USERS = "users.lock"
_URL = "valkey.url"
_SCHEME = "redis://"
_LEAVE_SECONDS = 1.0
_LOAD_SECONDS = 60.0


@contextmanager
def shared_valkey(folder: Path) -> Iterator[str]:
    """Use the folder's server; it is started unless it runs, and keeps its data there.

    Yields:
        The server's URL, which holds its password.

    Raises:
        UnavailableError: the server did not start.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / _USERS).open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while a server is being stopped
        url, keeper = _enter(folder)
        try:
            yield url
        finally:
            users.close()
            if keeper:
                # With the last one the server is gone; without, others still use it.
                with suppress(subprocess.TimeoutExpired):
                    keeper.wait(_LEAVE_SECONDS)


def _enter(folder: Path) -> "tuple[str, subprocess.Popen[str] | None]":
    with (folder / "door.lock").open("a") as door:
        fcntl.flock(door, fcntl.LOCK_EX)  # of two who come at once, one starts the server
        if _is_running(folder):
            return (folder / _URL).read_text(encoding="ascii"), None
        return _start(folder)


def _is_running(folder: Path) -> bool:
    """Whether a server lives: for as long as it does, it holds `valkey.lock`."""
    with (folder / "valkey.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _start(folder: Path) -> "tuple[str, subprocess.Popen[str]]":
    keeper = subprocess.Popen(  # noqa: S603 - this very module
        # -P: whatever else is called `infra` where the user stands is not meant.
        [sys.executable, "-P", "-m", "infra.local.valkey_supervisor", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for the one command that it interrupts
    )
    said = keeper.stdout.readline().strip() if keeper.stdout else ""
    if said.startswith(_SCHEME):
        return said, keeper
    keeper.wait()
    raise UnavailableError(said or f"Valkey did not start in {folder}")


def _keep(folder: Path) -> None:
    password = secrets.token_urlsafe(16)
    # In this order: the lock goes after the server has ended.
    with (
        (folder / _USERS).open("a") as users,
        start_valkey(folder, requirepass=password) as server,
    ):
        _wait_until_loaded(server, password)
        url = folder / _URL
        url.touch(mode=0o600)
        url.write_text(server.url, encoding="ascii")
        _say(server.url)
        fcntl.flock(users, fcntl.LOCK_EX)


def _wait_until_loaded(server: ValkeyProcess, password: str) -> None:
    """Until it has read its data, a server answers every command with an error."""
    deadline = time.monotonic() + _LOAD_SECONDS
    with socket.create_connection(("127.0.0.1", server.port), _LOAD_SECONDS) as connection:
        while time.monotonic() < deadline:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            said = connection.recv(256)
            if b"+PONG" in said:
                return
            if not said:
                break
            time.sleep(0.01)
    raise UnavailableError(f"Valkey could not read its data in {server.folder}")


def _say(line: str) -> None:
    with suppress(BrokenPipeError):  # who started this may be gone, and others here
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    try:
        _keep(Path(sys.argv[1]))
    except TercetError as error:
        _say(str(error))
