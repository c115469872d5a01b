"""The `tercet` command; each subcommand is imported when it runs."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from shared.errors import TercetError

# Listed here, so that --help imports none of them.
_COMMANDS = {
    "ask": "Answer a question from a user's notes.",
    "notes": "Read and change a user's notes.",
    "export": "Print a user's notes and cached questions as one JSON document.",
    "reembed": "Embed the notes of all users again where it is necessary.",
    "serve": "Serve every function, the playground and the dashboard over HTTP.",
    "match": "Explain whether one question would get the cached answer of another.",
    "stats": "Show what the cache did and saved since counting began.",
    "demo": "Ask questions about sample notes, edit a note and ask again.",
}


class _LazyCommands(TyperGroup):
    """Imports a subcommand's module on demand and reports a `TercetError` in one line.

    The exit code is 1 for a failed request and 2 for wrong usage.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        return [*_COMMANDS]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"infra.local.commands.{cmd_name}")
        app: typer.Typer | None = getattr(module, "app", None)
        if app is None:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(cmd_name)(getattr(module, cmd_name))
        return typer.main.get_command(app)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TercetError as error:
            typer.echo(f"tercet: {error}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    name="tercet",
    cls=_LazyCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def tercet() -> None:
    """Answer questions from your own notes, with a cache."""
