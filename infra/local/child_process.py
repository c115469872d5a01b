"""Child processes that end when their parent ends."""

import subprocess
from pathlib import Path
from typing import Any

# The shell replaces itself with the program (exec), so the process id is the program's. A subshell
# reads from the pipe whose other end the parent holds; when the parent closes it or dies, the
# subshell signals the program. PR_SET_PDEATHSIG exists on Linux only and is tied to a thread.
_WRAPPER = 'exec 3<&0; (read _ <&3; kill -"$0" $$ 2>&-) & exec "$@" </dev/null 3<&-'

_STOP_SECONDS = 10.0


def bound_to_stdin(program: str | Path, *arguments: str | Path, signal: str = "TERM") -> list[str]:
    """Build the command line of a program that gets `signal` when its stdin, a pipe, closes."""
    return ["/bin/sh", "-c", _WRAPPER, signal, str(program), *map(str, arguments)]


def stop_process(process: "subprocess.Popen[Any]") -> None:
    """Close the stdin of a process that ends with it; kill it after 10 seconds."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
