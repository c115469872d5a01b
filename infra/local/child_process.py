"""Child processes that never outlive their parent."""

import subprocess
from pathlib import Path
from typing import Any

# The shell becomes the program, so that the child's id is the program's. Beside it a subshell
# reads the pipe that the parent holds the other end of: when the parent closes it, or dies in
# whatever way, the read ends and the program is told to stop. This works on every Unix and from
# every thread; PR_SET_PDEATHSIG is Linux's alone, and strikes when the starting thread ends.
_LEASH = 'exec 3<&0; (read _ <&3; kill -"$0" $$ 2>&-) & exec "$@" </dev/null 3<&-'


def bound_to_stdin(program: str | Path, *arguments: str | Path, signal: str = "TERM") -> list[str]:
    """Write the command line that runs a program until its standard input, a pipe, ends."""
    return ["/bin/sh", "-c", _LEASH, signal, str(program), *map(str, arguments)]


def stop_process(process: "subprocess.Popen[Any]", seconds: float) -> None:
    """End a process that runs until its standard input ends; after so long, kill it."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
