"""`tercet match`: explain whether two questions share an answer."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from infra.local.commands.command_context import console, print_json
from infra.local.commands.options import Json
from infra.local.embedded import minilm
from infra.local.question_pairs import explain_pairs, read_pairs
from shared.question import Question
from shared.settings import Settings


def match(
    a: Annotated[str | None, typer.Argument(help="A question.")] = None,
    b: Annotated[str | None, typer.Argument(help="Another question.")] = None,
    *,
    pairs: Annotated[
        Path | None,
        typer.Option("--pairs", metavar="FILE", help="Tab-separated, with columns a and b."),
    ] = None,
    json: Json = False,
) -> None:
    """Explain whether one question would get the cached answer of another.

    With --pairs, print one JSON object per row: cosine, match and reason.
    """
    settings = Settings.from_env(os.environ)
    if pairs is not None:
        if a is not None:
            raise typer.BadParameter("give either two questions or --pairs")
        asyncio.run(_explain_file(pairs, settings))
    elif a is None or b is None:
        raise typer.BadParameter("give two questions, or --pairs")
    else:
        asyncio.run(_explain(a, b, settings, json=json))


async def _explain_file(path: Path, settings: Settings) -> None:
    pairs = read_pairs(path)
    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("Matching", total=len(pairs))
        async for decision in explain_pairs(pairs, minilm(), settings):
            print_json({name: decision[name] for name in ("cosine", "match", "reason")})
            bar.advance(task)
        sys.stdout.flush()


async def _explain(a: str, b: str, settings: Settings, *, json: bool) -> None:
    questions = [Question.parse(text).normal for text in (a, b)]
    async for decision in explain_pairs([(a, b)], minilm(), settings):
        if json:
            print_json(decision)
        else:
            _print_decision(questions, decision, settings.similarity_threshold)


def _print_decision(questions: list[str], decision: dict[str, Any], threshold: float) -> None:
    out = console()
    for name, question in zip("ab", questions, strict=True):
        out.print(f"{name}  {question}", style="dim")
    table = Table.grid(padding=(0, 2))
    table.add_row("cosine", f"{decision['cosine']:.4f} (threshold {threshold:g})")
    for rule, result in decision["rules"].items():
        table.add_row(rule, result, style="dim" if result == "passed" else "yellow")
    out.print()
    out.print(table)
    out.print()
    verdict = "match" if decision["match"] else "no match"
    out.print(f"{verdict}: {decision['reason']}", style="green" if decision["match"] else "red")
