"""One function on the emulator: events go in; responses, times and memory come out."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from infra.aws.emulator.runtime import PYTHON, Runtime
from infra.local.child_process import bound_to_stdin, stop_process
from infra.local.valkey import free_port
from shared.errors import UnavailableError

LAYER = "SharedLayer/python"

_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_PORTS_TRIED = 3  # another process may take a free port before the emulator does
_REPORT_SECONDS = 2.0
_PATIENCE = 15.0  # seconds beyond the function's own time
_LEASH_MB = 8.0
_REGION = "eu-central-1"
_INVOCATIONS = "2015-03-31/functions/function/invocations"
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
_INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
_REPORT = re.compile(r"^REPORT .*\tDuration: ([\d.]+) ms", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Invocation:
    """What came of one event; times are in milliseconds.

    `init` is how long the process took to begin, and None where it had begun before; `duration`
    is all of the invocation, `init` included. `peak_mb` is the most memory that the process has
    held so far, None where it has ended. `log` is what the function wrote meanwhile.
    """

    response: Any
    init: float | None
    duration: float
    peak_mb: float | None
    log: str


class EmulatedFunction:
    """Runs a function as Lambda does: one process, one invocation at a time, nothing but its code.

    The process begins with the first invocation. One that takes longer than `timeout` is killed,
    and the next begins another.

    Args:
        runtime: what Lambda brings along.
        build_folder: what `sam build` made.
        name: the function's folder in it.
        handler: `module.attribute`.
        environ: the function's own variables.
        timeout: seconds.
        memory: what the function is told it has, in MB; nothing holds it to that.
    """

    def __init__(
        self,
        runtime: Runtime,
        build_folder: Path,
        name: str,
        handler: str,
        environ: Mapping[str, str],
        *,
        timeout: int = 29,
        memory: int = 512,
    ) -> None:
        self._runtime = runtime
        self._code = build_folder / name
        self._layer = build_folder / LAYER
        self._handler = handler
        self._timeout = timeout
        self._environ = dict(environ) | {
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        }

    @classmethod
    def of(
        cls,
        name: str,
        runtime: Runtime,
        build_folder: Path,
        environ: Mapping[str, str],
        *,
        timeout: int = 29,
    ) -> Self:
        """One of Tercet's functions: `ask`, `stats` or `invalidate`."""
        handler = f"functions.{name}.handler.handler"
        return cls(
            runtime, build_folder, f"{name.title()}Function", handler, environ, timeout=timeout
        )

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="tercet-lambda-")
        self._log = Path(self._folder.name, "log")
        for _ in range(_PORTS_TRIED):
            self._start(free_port(), free_port())
            if self._is_ready():
                return self
            self._stop()
        said = self._log.read_text(errors="replace")
        self._folder.cleanup()
        raise UnavailableError(f"Lambda's emulator did not start: {said}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the emulator, which ends the function's process."""
        self._stop()
        self._folder.cleanup()

    def invoke(self, event: Any) -> Invocation:
        """Send one event and wait for what comes of it; the emulator takes one at a time."""
        seen = self._log.stat().st_size
        url = f"http://127.0.0.1:{self._port}/{_INVOCATIONS}"
        request = urllib.request.Request(url, data=json.dumps(event).encode())
        try:
            response = urllib.request.urlopen(request, timeout=self._timeout + _PATIENCE)  # noqa: S310 - http
        except urllib.error.HTTPError as failed:
            response = failed  # the process ended, or never began: the body says so
        with response:
            body = response.read().decode()
        log, duration = self._reported(seen)
        init = _INIT.search(log)
        try:
            answer = json.loads(body)
        except ValueError:
            answer = body  # the emulator's own words
        return Invocation(answer, float(init[1]) if init else None, duration, self._peak_mb(), log)

    def _variables(self) -> dict[str, str]:
        """The process's environment: Lambda's, and nothing of this process's own."""
        path = [self._code, *self._runtime.path(self._layer, Path(self._folder.name))]
        return self._environ | {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(self._code),
            "LAMBDA_RUNTIME_DIR": str(self._runtime.library),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{PYTHON}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            # No role's credentials are to be had: the SDK need not look for any.
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            # In Lambda a function's folders cannot be written to.
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _start(self, port: int, api: int) -> None:
        self._port = port
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - Lambda's emulator
                bound_to_stdin(
                    self._runtime.emulator,
                    *("--log-level", "info"),
                    *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
                    *("--runtime-api-address", f"127.0.0.1:{api}"),
                    # -S: only what is named is on the path.
                    *(self._runtime.python, "-S", "-m", "awslambdaric", self._handler),
                ),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._code,
                env=self._variables(),
                start_new_session=True,  # Ctrl-C is for the parent, which stops it in order
            )

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return True
            time.sleep(0.005)
        return False

    def _stop(self) -> None:
        stop_process(self._process, _STOP_SECONDS)

    def _reported(self, seen: int) -> tuple[str, float]:
        """What the log says since it had `seen` bytes, and the milliseconds at its end."""
        deadline = time.monotonic() + _REPORT_SECONDS
        while True:
            log = self._log.read_bytes()[seen:].decode(errors="replace")
            if found := _REPORT.search(log):
                return log, float(found[1])
            if time.monotonic() > deadline:
                raise UnavailableError(f"Lambda's emulator did not report: {log}")
            time.sleep(0.005)

    def _peak_mb(self) -> float | None:
        """The emulator itself reports what the function may have, not what it has."""
        peaks = []
        for tasks in Path("/proc", str(self._process.pid), "task").glob("*/children"):
            for child in tasks.read_text().split():
                with suppress(OSError):  # it has just ended
                    peaks += _PEAK.findall(Path("/proc", child, "status").read_text())
        # The other child only holds the leash.
        peak = max(map(int, peaks), default=0) / 1024
        return peak if peak > _LEASH_MB else None
