"""`tercet warm`: answer questions in advance."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.local.commands.command_context import pluralize, print_json, run_with_container
from infra.local.commands.options import (
    data_option,
    embedder_option,
    json_option,
    model_option,
    tag_option,
    user_option,
)
from shared.errors import InvalidRequestError
from shared.question import Question, Request
from shared.tags import normalize_question_tags
from shared.warming import WarmingOutcome

if TYPE_CHECKING:
    from collections import Counter

    from infra.local.embedded import Model
    from infra.local.embedder_choice import EmbedderChoice
    from shared.container import Container

_TEXTS = {
    WarmingOutcome.ANSWERED: "answered",
    WarmingOutcome.CACHED: "already cached",
    WarmingOutcome.IN_PROGRESS: "being answered by another process",
    WarmingOutcome.NO_NOTES: "without notes to answer from",
    WarmingOutcome.OUTDATED: "not stored because a note changed",
    WarmingOutcome.CIRCUIT_NOT_CLOSED: "not asked: the circuit breaker of a model is not closed",
    WarmingOutcome.BUDGET_USED: "not asked: the user's budget of the day (WARM_DAILY_BUDGET) is"
    " used up",
    WarmingOutcome.CACHE_UNAVAILABLE: "not asked: the cache is unavailable or switched off",
    WarmingOutcome.FAILED: "failed: a model or the note store",
    WarmingOutcome.UNFINISHED: "not asked: no time was left",
}
_DONE = frozenset({WarmingOutcome.ANSWERED, WarmingOutcome.CACHED, WarmingOutcome.IN_PROGRESS})


@click.command()
@click.option(
    "--file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A text file with one question a line.",
)
@user_option
@data_option
@model_option
@embedder_option
@tag_option
@json_option
def warm(
    *,
    file: Path,
    user: str,
    data: Path,
    model: "Model | None",
    embedder: "EmbedderChoice | None",
    tag: tuple[str, ...],
    json: bool,
) -> None:
    """Answer questions in advance, so that later requests get cached answers."""
    normalize_question_tags(tag)  # not an error of a line
    requests = [Request(user, question, tags=tag) for question in _read(file)]

    async def warm_given(container: "Container") -> "Counter[WarmingOutcome]":
        return await container.warmer.warm_given(requests)

    outcomes = run_with_container(data, warm_given, model=model, embedder=embedder, create=False)
    if json:
        print_json(dict(outcomes))
    else:
        for outcome, count in outcomes.most_common():
            click.echo(f"{pluralize(count, 'question')} {_TEXTS[outcome]}")
    if not outcomes.keys() <= _DONE:
        sys.exit(1)


def _read(path: Path) -> list[str]:
    """Return the questions of a file; each is validated before the first is asked."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise click.BadParameter(f"{path} is no readable UTF-8 text", param_hint="--file") from None
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                Question.parse(line)
        except InvalidRequestError as error:
            raise click.BadParameter(f"line {number}: {error}", param_hint="--file") from None
    questions = [line.strip() for line in lines if line.strip()]
    if not questions:
        raise click.BadParameter(f"{path} has no question", param_hint="--file")
    return questions
