"""The `tercet` command."""

from typing import Any

import typer
from typer.core import TyperGroup

from infra.local.commands import ask, demo, match, notes, serve, stats
from infra.local.commands.options import Data
from infra.local.embedded import DATA
from shared.errors import TercetError


class _Commands(TyperGroup):
    """Tells an error of the request in one line, and ends with 1; wrong usage ends with 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TercetError as error:
            typer.echo(f"tercet: {error}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    name="tercet",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def tercet(data: Data = DATA) -> None:
    """Ask your own notes, and pay for each answer once."""


app.command()(ask.ask)
app.add_typer(notes.app)
app.command()(serve.serve)
app.command()(match.match)
app.command()(stats.stats)
app.command()(demo.demo)
