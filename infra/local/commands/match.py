"""`tercet match`: would one answer serve both questions, and why."""

import asyncio
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.local.commands.command_context import console, print_json
from infra.local.commands.options import Json
from infra.local.embedded import minilm
from shared.question import Question
from shared.settings import Settings

if TYPE_CHECKING:
    from infra.local.question_pairs import PairDecision


def match(
    a: Annotated[str | None, typer.Argument(help="A question.")] = None,
    b: Annotated[str | None, typer.Argument(help="Another wording, or another question.")] = None,
    *,
    pairs: Annotated[
        Path | None,
        typer.Option("--pairs", metavar="FILE", help="Tab-separated, with columns a and b."),
    ] = None,
    json: Json = False,
) -> None:
    """Explain whether the answer to one question would be given to another.

    With --pairs, one JSON object a line for each row: cosine, match and reason.
    """
    settings = Settings.from_env(os.environ)
    if pairs is not None:
        if a is not None:
            raise typer.BadParameter("give either two questions or --pairs")
        asyncio.run(_decide_all(pairs, settings))
    elif a is None or b is None:
        raise typer.BadParameter("give two questions, or --pairs")
    else:
        asyncio.run(_explain(a, b, settings, json=json))


async def _decide_all(path: Path, settings: Settings) -> None:
    from rich.progress import Progress  # noqa: PLC0415 - slow to load, as is numpy

    from infra.local.question_pairs import decide_pairs, read_pairs  # noqa: PLC0415

    read = read_pairs(path)
    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("Matching", total=len(read))
        async for decision in decide_pairs(read, minilm(), settings):
            print_json(
                {
                    "cosine": decision.cosine,
                    "match": decision.match,
                    "reason": decision.reason,
                }
            )
            bar.advance(task)
        sys.stdout.flush()


async def _explain(a: str, b: str, settings: Settings, *, json: bool) -> None:
    from infra.local.question_pairs import decide_pairs  # noqa: PLC0415 - numpy

    questions = [Question.parse(text).normal for text in (a, b)]
    async for decision in decide_pairs([(a, b)], minilm(), settings):
        if json:
            print_json(asdict(decision))
        else:
            _show(questions, decision, settings.similarity_threshold)


def _show(questions: list[str], decision: "PairDecision", threshold: float) -> None:
    from rich.table import Table  # noqa: PLC0415 - not for JSON

    out = console()
    for name, question in zip("ab", questions, strict=True):
        out.print(f"{name}  {question}", style="dim")
    table = Table.grid(padding=(0, 2))
    table.add_row("cosine", f"{decision.cosine:.4f}, and {threshold:g} is needed")
    for rule, refusal in decision.refusals.items():
        table.add_row(rule, refusal or "-", style="yellow" if refusal else "dim")
    out.print()
    out.print(table)
    out.print()
    verdict = "match" if decision.match else "no match"
    out.print(f"{verdict}: {decision.reason}", style="green" if decision.match else "red")
