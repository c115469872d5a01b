"""One function on Lambda's runtime interface emulator."""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from infra.local.child_process import bound_to_stdin, stop_process
from infra.local.valkey import free_port
from shared.errors import UnavailableError
from tests.lambda_emulator.runtime import PYTHON, Runtime
from tests.support.listening import wait_for_port

_START_SECONDS = 10.0
_PORT_ATTEMPTS = 3  # another process may take a free port before the emulator does
_REPORT_SECONDS = 2.0
_EXTRA_SECONDS = 15.0  # HTTP timeout beyond the function's timeout
_WRAPPER_MB = 8.0  # above the size of the shell of `bound_to_stdin`
_REGION = "eu-central-1"
_INVOCATIONS = "2015-03-31/functions/function/invocations"
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
_INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
_REPORT = re.compile(r"^REPORT .*\tDuration: ([\d.]+) ms", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Invocation:
    """The result of one event; times are in milliseconds.

    `init` is the duration of a cold start, None for a warm start. `duration` includes `init`.
    `peak_mb` is the process's peak memory so far, None if the process has ended. `log` is the
    function's output.
    """

    response: Any
    init: float | None
    duration: float
    peak_mb: float | None
    log: str


class EmulatedFunction:
    """A context manager that runs a function in one process, one invocation at a time.

    The first invocation starts the process. An invocation that exceeds `timeout` is killed, and the
    next one starts a new process.

    Args:
        runtime: the parts of Lambda.
        build_folder: the output of `sam build`.
        name: the function, such as `ask` in the folder `AskFunction`.
        environ: the function's environment variables.
        handler: `module.attribute`; by default the handler of Tercet's function.
        timeout: seconds.
    """

    def __init__(
        self,
        runtime: Runtime,
        build_folder: Path,
        name: str,
        environ: Mapping[str, str],
        *,
        handler: str | None = None,
        timeout: int = 29,
    ) -> None:
        self._runtime = runtime
        self._code = build_folder / f"{name.title()}Function"
        self._handler = handler or f"functions.{name}.handler.handler"
        self._timeout = timeout
        path = (self._code, build_folder / "SharedLayer" / "python", runtime.packages)
        self._environ = dict(environ) | {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(self._code),
            "LAMBDA_RUNTIME_DIR": str(runtime.packages),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{PYTHON}",
            "AWS_LAMBDA_FUNCTION_NAME": self._code.name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",  # not enforced
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_EC2_METADATA_DISABLED": "true",  # there are no credentials to find
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",  # the code folders are read-only in Lambda
        }

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="tercet-lambda-")
        self._log = Path(self._folder.name, "log")
        for _ in range(_PORT_ATTEMPTS):
            self._start(free_port(), free_port())
            with suppress(ChildProcessError):
                wait_for_port(self._process, self._port, _START_SECONDS)
                return self
            stop_process(self._process)
        log = self._log.read_text(errors="replace")
        self._folder.cleanup()
        raise UnavailableError(f"Lambda's emulator did not start: {log}")

    def __exit__(self, *_: object) -> None:
        stop_process(self._process)
        self._folder.cleanup()

    def invoke(self, event: Any) -> Invocation:
        """Send one event and wait for the response; do not call it concurrently."""
        offset = self._log.stat().st_size
        url = f"http://127.0.0.1:{self._port}/{_INVOCATIONS}"
        request = urllib.request.Request(url, data=json.dumps(event).encode())
        try:
            response = urllib.request.urlopen(request, timeout=self._timeout + _EXTRA_SECONDS)  # noqa: S310 - http
        except urllib.error.HTTPError as error:
            response = error  # the process ended; the body has the reason
        with response:
            body = response.read().decode()
        log, duration = self._read_report(offset)
        init = _INIT.search(log)
        with suppress(ValueError):  # an error of the emulator is plain text
            body = json.loads(body)
        return Invocation(body, float(init[1]) if init else None, duration, self._peak_mb(), log)

    def _start(self, port: int, api_port: int) -> None:
        self._port = port
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                bound_to_stdin(
                    self._runtime.emulator,
                    *("--log-level", "info"),
                    *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
                    *("--runtime-api-address", f"127.0.0.1:{api_port}"),
                    # -S: no site-packages on sys.path.
                    *(self._runtime.python, "-S", "-m", "awslambdaric", self._handler),
                ),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._code,
                env=self._environ,
                start_new_session=True,  # so that Ctrl-C reaches only the parent
            )

    def _read_report(self, offset: int) -> tuple[str, float]:
        """Return the log from `offset` on, and the duration of its REPORT line."""
        deadline = time.monotonic() + _REPORT_SECONDS
        while True:
            log = self._log.read_bytes()[offset:].decode(errors="replace")
            if found := _REPORT.search(log):
                return log, float(found[1])
            if time.monotonic() > deadline:
                raise UnavailableError(f"Lambda's emulator wrote no REPORT line: {log}")
            time.sleep(0.005)

    def _peak_mb(self) -> float | None:
        """Read the peak memory from /proc; the REPORT line has only the configured memory."""
        peaks = [0]
        for children in Path("/proc", str(self._process.pid), "task").glob("*/children"):
            for child in children.read_text().split():
                with suppress(OSError):  # the process has just ended
                    peaks += map(int, _PEAK.findall(Path("/proc", child, "status").read_text()))
        peak = max(peaks) / 1024
        return peak if peak > _WRAPPER_MB else None
