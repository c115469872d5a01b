"""`tercet match`: explain whether two questions share an answer."""

import asyncio
import os
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.local.commands.command_context import console, print_json
from infra.local.commands.options import EmbedderOption, Json
from infra.local.embedder_choice import EmbedderChoice, open_embedder
from shared.matching.decision import explain_decision
from shared.question import Question
from shared.semantic_match import pair_model_loader
from shared.settings import Settings
from shared.text.vocabulary_packs import load_packs
from shared.vectors import cosines, stack


def match(
    question: Annotated[str, typer.Argument(help="A question.")],
    other: Annotated[str, typer.Argument(help="Another question.")],
    *,
    embedder: EmbedderOption = None,
    json: Json = False,
) -> None:
    """Explain whether one question would get the cached answer of another."""
    choice = embedder or EmbedderChoice.MINILM
    settings = Settings.from_env(choice.add_settings(os.environ))
    load_model = pair_model_loader(settings)
    questions = [Question.parse(text) for text in (question, other)]
    vector, *others = asyncio.run(
        open_embedder(choice).embed([settings.query_prefix + each.embedded for each in questions])
    )
    decision = explain_decision(
        questions[0].wording,
        questions[1].wording,
        float(cosines(vector, stack(others))[0]),
        settings=settings,
        packs=load_packs(settings.vocabulary_packs),
        model=load_model() if load_model else None,
    )
    if json:
        print_json(decision)
    else:
        _print_decision([each.identity for each in questions], decision, settings)


def _print_decision(questions: list[str], decision: dict[str, Any], settings: Settings) -> None:
    out = console()
    table = Table.grid(padding=(0, 2))
    for name, question in zip(("question", "other"), questions, strict=True):
        table.add_row(name, question, style="dim")
    table.add_row("cosine", f"{decision['cosine']:.4f} (at least {settings.candidate_cosine:g})")
    if decision["probability"] is not None:
        least = f"at least {settings.similarity_threshold:g}"
        table.add_row("probability", f"{decision['probability']:.4f} ({least})")
    for rule, result in decision["rules"].items():
        table.add_row(rule, result, style="dim" if result == "passed" else "yellow")
    out.print()
    out.print(table)
    out.print()
    verdict = "match" if decision["match"] else "no match"
    out.print(f"{verdict}: {decision['reason']}", style="green" if decision["match"] else "red")
