"""Server processes of the ask function, and how much memory each has over time."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import mean

import httpx

from infra.local.valkey import free_port
from tests.benchmarks.report import ROOT

_START_SECONDS = 30
_EVERY = 2.0  # seconds
_PAGE = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def servers(
    number: int, environ: Mapping[str, str], folder: Path
) -> Iterator[tuple[list[str], list[int]]]:
    """Run so many; gives their URLs and process ids. Their logs are in the folder."""
    ports = [free_port() for _ in range(number)]
    with ExitStack() as stack:
        pids = []
        for port in ports:
            log = stack.enter_context((folder / f"server-{port}.log").open("wb"))
            app = ("--factory", "functions.ask.app:app", "--log-level", "warning")
            process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", *app, "--port", str(port)],
                env={**os.environ, **environ},
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            stack.enter_context(process)
            stack.callback(process.terminate)
            pids.append(process.pid)
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        for url in urls:
            _until_ready(url)
        yield urls, pids


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/health").is_success:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not start")


class Memory(threading.Thread):
    """Watches the resident memory of processes, in MB, until they are told to stop."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self.samples: list[float] = []
        self._pids = pids
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_EVERY):
            self.samples.append(max(map(_resident_mb, self._pids)))

    def stop(self) -> None:
        self._over.set()
        self.join()

    def growth(self) -> float:
        """The last fifth's mean over the second fifth's: by then everything is loaded."""
        fifth = max(1, len(self.samples) // 5)
        return mean(self.samples[-fifth:]) / mean(self.samples[fifth : 2 * fifth])


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE / 1e6
