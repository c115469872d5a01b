"""`tercet match`: explain whether two questions share an answer."""

import asyncio
import csv
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from infra.local.commands.command_context import console, print_json
from infra.local.commands.options import embedder_option, json_option
from infra.local.embedder_choice import EmbedderChoice, open_embedder
from shared.errors import InvalidRequestError
from shared.matching.decision import DISTANT_PROBABILITY, explain_decision, least_cosine
from shared.question import Question
from shared.semantic_match import pair_model_loader
from shared.settings import Settings
from shared.text.vocabulary_packs import load_packs
from shared.vectors import cosines, stack

_BATCH = 64  # pairs whose questions are embedded together


@click.command()
@click.argument("question", required=False)
@click.argument("other", required=False)
@click.option(
    "--pairs",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Tab-separated pairs of questions, with a header that has the columns a and b.",
)
@embedder_option
@json_option
def match(
    question: str | None,
    other: str | None,
    *,
    pairs: Path | None,
    embedder: EmbedderChoice | None,
    json: bool,
) -> None:
    """Explain whether one question would get the cached answer of another.

    With --pairs, print one JSON object for each row: cosine, probability, match, reason and rules.
    """
    choice = embedder or EmbedderChoice.MINILM
    settings = Settings.from_env(choice.add_settings(os.environ))
    if pairs is not None:
        if question is not None:
            raise click.UsageError("give either two questions or --pairs")
        for decision in _explain(_read_pairs(pairs), choice, settings):
            print_json(decision)
        return
    if question is None or other is None:
        raise click.UsageError("Missing argument: give two questions, or --pairs")
    both = Question.parse(question), Question.parse(other)
    (decision,) = _explain([both], choice, settings)
    if json:
        print_json(decision)
    else:
        _print_decision([each.identity for each in both], decision, settings)


def _read_pairs(path: Path) -> list[tuple[Question, Question]]:
    """Read the columns a and b.

    Raises:
        InvalidRequestError: the file is not UTF-8 or lacks a column, or a row is no two questions.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{path} is not UTF-8") from None
    except csv.Error as error:
        raise InvalidRequestError(f"{path}: {error}") from None
    pairs = []
    for number, row in enumerate(rows, start=2):
        a, b = row.get("a"), row.get("b")
        if a is None or b is None:
            raise InvalidRequestError(f"{path}, line {number}: the columns a and b are required")
        try:
            pairs.append((Question.parse(a), Question.parse(b)))
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{path}, line {number}: {error}") from None
    return pairs


def _explain(
    pairs: Sequence[tuple[Question, Question]], choice: EmbedderChoice, settings: Settings
) -> Iterator[dict[str, Any]]:
    """Yield the decision on each pair."""
    load_model = pair_model_loader(settings)
    embed = open_embedder(choice).embed
    remaining = iter(pairs)
    while batch := list(islice(remaining, _BATCH)):
        texts = [settings.query_prefix + each.embedded for pair in batch for each in pair]
        vectors = asyncio.run(embed(texts))
        for (a, b), vector, other in zip(batch, vectors[::2], vectors[1::2], strict=True):
            yield explain_decision(
                a.wording,
                b.wording,
                float(cosines(vector, stack([other]))[0]),
                settings=settings,
                packs=load_packs(settings.vocabulary_packs),
                model=load_model() if load_model else None,
            )


def _print_decision(questions: list[str], decision: dict[str, Any], settings: Settings) -> None:
    out = console()
    table = Table.grid(padding=(0, 2))
    for name, question in zip(("question", "other"), questions, strict=True):
        table.add_row(name, question, style="dim")
    least = f"at least {settings.candidate_cosine:g}"
    probability = decision["probability"]
    if probability is not None:
        distant = least_cosine(settings, by_model=True)
        least += f", or {distant:g} with a probability of {DISTANT_PROBABILITY:g}"
    table.add_row("cosine", f"{decision['cosine']:.4f} ({least})")
    if probability is not None:
        table.add_row(
            "probability", f"{probability:.4f} (at least {settings.similarity_threshold:g})"
        )
    for rule, result in decision["rules"].items():
        table.add_row(rule, result, style="dim" if result == "passed" else "yellow")
    out.print()
    out.print(table)
    out.print()
    verdict = "match" if decision["match"] else "no match"
    out.print(f"{verdict}: {decision['reason']}", style="green" if decision["match"] else "red")
