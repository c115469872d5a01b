"""Child processes that never outlive their parent."""

from pathlib import Path

# The shell becomes the program, so that the child's id is the program's. Beside it a subshell
# reads the pipe that the parent holds the other end of: when the parent closes it, or dies in
# whatever way, the read ends and the program is told to stop. This works on every Unix and from
# every thread; PR_SET_PDEATHSIG is Linux's alone, and strikes when the starting thread ends.
_LEASH = 'exec 3<&0; (read _ <&3; kill -"$0" $$ 2>&-) & exec "$@" </dev/null 3<&-'


def leashed(program: str | Path, *arguments: str | Path, signal: str = "TERM") -> list[str]:
    """Write the command line that runs a program until its standard input, a pipe, ends."""
    return ["/bin/sh", "-c", _LEASH, signal, str(program), *map(str, arguments)]
