"""Exit codes of `python -m infra.…`: 1 after an error, 130 after Ctrl-C; argparse has 2."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import TercetError

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells report it."""


@contextmanager
def exit_on_error(failure: str, remedy: str = "") -> Iterator[None]:
    """Exit if the block fails; print `failure` with the reason, and what to do after it."""
    after = f"\n{remedy}" if remedy else ""
    try:
        yield
        sys.stdout.flush()  # a closed pipe is reported here, not at the interpreter's exit
    except TercetError as error:
        sys.exit(f"{failure}: {error}{after}")
    except OSError as error:  # the output is a closed pipe, or its disk is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1 if isinstance(error, BrokenPipeError) else f"{failure}: {error}{after}")
    except KeyboardInterrupt:
        sys.stderr.write(f"\ninterrupted{after}\n")
        sys.exit(INTERRUPTED)
