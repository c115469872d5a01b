"""The port of a server that runs as a child process.

A server that starts with port 0 gets a free port from the kernel. The port is read from the process
itself, so a test never takes another test's server for its own.
"""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    import subprocess


def wait_for_port(process: "subprocess.Popen[Any]", port: int = 0, within: float = 60.0) -> int:
    """Wait until a process listens on a TCP port, and return the port.

    Args:
        process: the server itself, not a process that started it.
        port: wait for this port; 0 for any port.
        within: seconds.

    Raises:
        ChildProcessError: the process ended first.
        TimeoutError: it does not listen in time.
    """
    deadline = time.monotonic() + within
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for connection in psutil.Process(process.pid).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and port in {0, connection.laddr.port}:
                    return connection.laddr.port
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {process.pid} does not listen after {within} s")
        time.sleep(0.01)
    raise ChildProcessError(f"process {process.pid} ended with status {process.returncode}")
