"""Server processes of the ask function, and samples of their memory."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import mean

from tests.benchmarks.report import ROOT
from tests.support.listening import wait_for_port

_SAMPLE_SECONDS = 2.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def servers(
    number: int, environ: Mapping[str, str], folder: Path
) -> Iterator[tuple[list[str], list[int]]]:
    """Run `number` servers that log to `folder`; yield their URLs and process ids."""
    with ExitStack() as stack:
        processes = []
        for place in range(number):
            log = stack.enter_context((folder / f"server-{place}.log").open("wb"))
            app = ("--factory", "functions.ask.app:app", "--log-level", "warning")
            process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", *app, "--port", "0"],
                env={**os.environ, **environ},
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            stack.enter_context(process)
            stack.callback(process.terminate)
            processes.append(process)
        urls = [f"http://127.0.0.1:{wait_for_port(process)}" for process in processes]
        yield urls, [process.pid for process in processes]


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
