"""`tercet reembed`: embed the notes of all users again."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import Progress

from infra.local.commands.command_context import (
    console,
    pluralize,
    print_json,
    run_with_container,
)
from infra.local.commands.options import data_option, embedder_option, json_option
from infra.reembed import ReembedResult
from infra.reembed import reembed as reembed_notes

if TYPE_CHECKING:
    from infra.local.embedder_choice import EmbedderChoice
    from shared.container import Container


@click.command()
@embedder_option
@data_option
@json_option
def reembed(*, embedder: "EmbedderChoice | None", data: Path, json: bool) -> None:
    """Embed the notes of all users again where it is necessary.

    Run it to change the embedder of the data folder. It can be interrupted and run again.
    """

    async def job(container: "Container") -> ReembedResult:
        err = console(stderr=True)
        with Progress(console=err, transient=True, disable=json or not err.is_terminal) as bar:
            task = bar.add_task("Embedding", total=None)
            return await reembed_notes(
                container,
                lambda result: bar.update(task, total=result.total, completed=result.done),
            )

    result = run_with_container(data, job, embedder=embedder, replace_embedder=True, create=False)
    if json:
        print_json(asdict(result))
    else:
        click.echo(f"{pluralize(result.done - len(result.failures), 'note')} embedded")
        for failure in result.failures:
            click.echo(f"not embedded: {failure}", err=True)
    if result.failures:
        raise click.exceptions.Exit(1)
