"""Server processes of the ask function, and samples of their memory."""

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
_SAMPLE_SECONDS = 2.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def servers(
    number: int, environ: Mapping[str, str], folder: Path
) -> Iterator[tuple[list[str], list[int]]]:
    """Run `number` servers that log to `folder`; yield their URLs and process ids."""
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
            _wait_until_ready(url)
        yield urls, pids


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/health").is_success:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{url} did not start")


class MemorySampler(threading.Thread):
    """Samples the resident memory of the largest process, in MB, until `stop`."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self.samples: list[float] = []
        self._pids = pids
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(_SAMPLE_SECONDS):
            self.samples.append(max(map(_resident_mb, self._pids)))

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def growth(self) -> float:
        """Return the mean of the last fifth of the samples divided by that of the second fifth.

        The first fifth is left out, because modules and pools are still being loaded.
        """
        fifth = max(1, len(self.samples) // 5)
        return mean(self.samples[-fifth:]) / mean(self.samples[fifth : 2 * fifth])


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE_BYTES / 1e6
