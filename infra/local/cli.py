"""The `tercet` command; each subcommand is imported when it runs."""

import errno
import io
import os
import sys
from typing import Any

import click

from infra.exit_codes import INTERRUPTED
from infra.local.lazy_group import LazyCommand, LazyGroup
from shared.errors import TercetError

_HELP = {
    "ask": "Answer a question from a user's notes.",
    "warm": "Answer questions in advance, so that later requests get cached answers.",
    "notes": "Read and change a user's notes.",
    "export": "Print a user's notes and cached questions as one JSON document.",
    "reembed": "Embed the notes of all users again where it is necessary.",
    "serve": "Serve every function, the playground and the dashboard over HTTP.",
    "match": "Explain whether one question would get the cached answer of another.",
    "stats": "Show what the cache did and saved since counting began.",
    "demo": "Ask questions about sample notes, edit a note and ask again.",
    "completion": "Print the script that completes commands in a shell.",
}
_COMMANDS = {
    name: LazyCommand(f"infra.local.commands.{name}", name, text) for name, text in _HELP.items()
}


class _Tercet(LazyGroup):
    """Reports errors in one line.

    The exit code is 1 for a failed request, 2 for wrong usage, and 130 after Ctrl-C.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command and exit."""
        _open_closed_streams()
        _escape_unknown_characters()
        try:
            try:
                super().main(*args, **options)
            finally:
                sys.stdout.flush()  # a full disk is reported here, not at the interpreter's exit
        except TercetError as error:
            message = str(error)
        except OSError as error:
            _discard_output()
            if error.errno == errno.EPIPE:
                sys.exit(1)
            reason = error.strerror or str(error)
            message = f"{error.filename}: {reason}" if error.filename else reason
        click.echo(f"tercet: {message}", err=True)
        sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\ntercet: interrupted", err=True)  # after the ^C of the terminal
            ctx.exit(INTERRUPTED)


@click.group(
    cls=_Tercet,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(package_name="tercet", prog_name="tercet", message="%(prog)s %(version)s")
def app() -> None:
    """Answer questions from your own notes, with a cache."""


def _open_closed_streams() -> None:
    """Open the null device for closed streams; else the first opened file becomes the output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _escape_unknown_characters() -> None:
    """Print characters that the encoding of the output lacks as escapes, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Do not fail again at exit with the output that could not be written."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a file
        return
