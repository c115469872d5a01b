"""`tercet ask`: answer one question."""

import shutil
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.local.commands.command_context import printable, run_with_container
from infra.local.commands.options import (
    data_option,
    embedder_option,
    json_option,
    model_option,
    tag_option,
    user_option,
)
from shared.question import Request

if TYPE_CHECKING:
    from infra.local.embedded import Model
    from infra.local.embedder_choice import EmbedderChoice
    from shared.container import Container
    from shared.conversation import Turn
    from shared.notes.note import Source
    from shared.reply import Reply

_QUIET_SECONDS = 1.0
_PROGRESS = "tercet: opening the cache, loading the models and answering"


@click.command()
@click.argument("question")
@user_option
@data_option
@model_option
@embedder_option
@click.option("--no-cache", is_flag=True, help="Do not use a cached answer.")
@tag_option
@click.option("--exact", is_flag=True, help="Do not accept a semantic hit.")
@click.option(
    "--history",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file with the turns before the question: a list of role and content.",
)
@json_option
def ask(
    question: str,
    *,
    user: str,
    data: Path,
    model: "Model | None",
    embedder: "EmbedderChoice | None",
    no_cache: bool,
    tag: tuple[str, ...],
    exact: bool,
    history: Path | None,
    json: bool,
) -> None:
    """Answer a question from a user's notes."""
    turns = _read_history(history) if history else ()
    request = Request(user, question, no_cache=no_cache, exact=exact, tags=tag, history=turns)
    with _show_progress():
        reply, milliseconds = run_with_container(
            data,
            lambda container: ask_timed(container, request),
            model=model,
            embedder=embedder,
            create=False,
            needs_cache=False,
        )
    if json:
        from functions.ask.serializers import serialize_reply  # noqa: PLC0415 - slow to load

        sys.stdout.write(serialize_reply(request, reply).decode() + "\n")
    else:
        _print_reply(reply, milliseconds)


@contextmanager
def _show_progress() -> Iterator[None]:
    """Print a line if the block takes longer than a second and standard error is a terminal."""
    timer = threading.Timer(_QUIET_SECONDS, click.echo, (_PROGRESS,), {"err": True})
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read_history(path: Path) -> "tuple[Turn, ...]":
    """Read the turns of a conversation, which are validated as those of an HTTP request."""
    # pydantic is slow to load
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from functions.ask.schemas import TurnBody  # noqa: PLC0415
    from shared.conversation import Turn  # noqa: PLC0415

    try:
        bodies = TypeAdapter(list[TurnBody]).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"{place}: {first['msg']}" if place else first["msg"]
        raise click.BadParameter(f"{path}: {problem}", param_hint="--history") from None
    return tuple(Turn(turn.role, turn.content) for turn in bodies)


async def ask_timed(container: "Container", request: Request) -> "tuple[Reply, float]":
    """Ask a question; return the reply and the duration in milliseconds.

    What an exact hit imports is imported before: the duration is the question's.
    """
    assistant, _ = container.assistant, container.redis_client
    start = time.perf_counter()
    reply = await assistant.ask(request)
    return reply, (time.perf_counter() - start) * 1000


def _print_reply(reply: "Reply", milliseconds: float) -> None:
    click.echo(printable(reply.text))
    if reply.shown_sources:
        click.echo()
    for number, source in enumerate(reply.shown_sources, start=1):
        text = " ".join(_without_title(source).split())
        name = f"{source.title} ({source.note_id})" if source.title else source.note_id
        cited = ", cited" if number in reply.cited else ""
        line = f"[{number}] {name} ({source.similarity:.2f}{cited}) {text}"
        click.secho(_cut(printable(line), shutil.get_terminal_size().columns), dim=True)
    click.echo()
    click.secho(printable(_summary(reply, milliseconds)), fg="cyan")


def _without_title(source: "Source") -> str:
    """Return the passage without its first line if that is the title, which is shown before it."""
    first, _, rest = source.content.lstrip().partition("\n")
    return rest if first.strip("# ") == source.title and rest else source.content


def _cut(text: str, columns: int) -> str:
    """Cut a text that is wider than a line; East Asian characters are two columns wide."""
    width = 0
    for index, character in enumerate(text):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > columns:
            return f"{text[: index - 1]}…"
    return text


def _summary(reply: "Reply", milliseconds: float) -> str:
    """Summarize the tier, the match, the duration and the cost in one line."""
    parts = [f"tier {reply.tier or 'none'}"]
    if follow_up := reply.question.follow_up:
        rewritten = follow_up.use == "rewritten"
        parts.append(
            f"asked: {reply.question.wording}" if rewritten else f"history {follow_up.use}"
        )
    if reply.match == "semantic":
        parts.append(f"semantic match ({reply.similarity:.2f}) with: {reply.matched_question}")
    elif reply.match:
        parts.append(f"{reply.match} match")
    if reply.stale:
        parts.append("stale: the language model is unavailable")
    if reply.extractive:
        parts.append("extractive: the language model is unavailable")
    if reply.answer and reply.answer.incomplete:
        parts.append("incomplete: raise ANSWER_MAX_TOKENS")
    parts.append(f"{milliseconds:.1f} ms")
    # The cost of a cached answer was paid by an earlier question.
    cost = reply.answer.cost if reply.answer and reply.tier != "l1" else 0.0
    parts.append(f"${cost:.6f}" if cost else "no cost")
    if reply.cache != "ok":
        parts.append(f"cache {reply.cache}")
    return " · ".join(parts)
