"""`tercet reembed`: embed the notes of all users again."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.progress import Progress

from infra.local.commands.command_context import (
    console,
    pluralize,
    print_json,
    run_with_container,
)
from infra.local.commands.options import Data, EmbedderOption, Json
from infra.local.embedded import DATA
from infra.reembed import ReembedResult
from infra.reembed import reembed as reembed_notes

if TYPE_CHECKING:
    from shared.container import Container


def reembed(*, embedder: EmbedderOption = None, data: Data = DATA, json: Json = False) -> None:
    """Embed the notes of all users again where it is necessary.

    Run it to change the embedder of the data folder. It can be interrupted and run again.
    """

    async def job(container: "Container") -> ReembedResult:
        with Progress(console=console(stderr=True), transient=True, disable=json) as bar:
            task = bar.add_task("Embedding", total=None)
            return await reembed_notes(
                container,
                lambda result: bar.update(task, total=result.total, completed=result.done),
            )

    result = run_with_container(data, job, embedder=embedder, replace_embedder=True)
    if json:
        print_json(asdict(result))
    else:
        typer.echo(f"{pluralize(result.done - len(result.failures), 'note')} embedded")
        for failure in result.failures:
            typer.echo(f"not embedded: {failure}", err=True)
    if result.failures:
        raise typer.Exit(1)
