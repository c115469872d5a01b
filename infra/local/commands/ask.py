"""`tercet ask`: answer one question."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from functions.ask.schemas import TurnBody
from functions.ask.serializers import serialize_reply
from infra.local.commands.command_context import console, run_with_container
from infra.local.commands.options import (
    DEFAULT_USER,
    Data,
    EmbedderOption,
    Json,
    ModelOption,
    User,
)
from infra.local.embedded import DATA
from shared.conversation import Turn
from shared.question import Request
from shared.reply import Reply

if TYPE_CHECKING:
    from rich.console import Console

    from shared.container import Container


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    *,
    user: User = DEFAULT_USER,
    data: Data = DATA,
    model: ModelOption = None,
    embedder: EmbedderOption = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Do not use a cached answer.")
    ] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", help="Search only notes that have one of these tags; repeat it."),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Do not accept a semantic hit.")] = False,
    history: Annotated[
        Path | None,
        typer.Option(
            help="A JSON file with the turns before the question: a list of role and content.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Answer a question from a user's notes."""
    turns = _read_history(history) if history else ()
    request = Request(user, question, no_cache=no_cache, exact=exact, tags=tag or (), history=turns)
    reply, milliseconds = run_with_container(
        data, lambda container: ask_timed(container, request), model=model, embedder=embedder
    )
    if json:
        sys.stdout.write(serialize_reply(request, reply).decode() + "\n")
    else:
        _print_reply(reply, milliseconds, console())


def _read_history(path: Path) -> tuple[Turn, ...]:
    """Read the turns of a conversation, which are validated as those of an HTTP request."""
    try:
        bodies = TypeAdapter(list[TurnBody]).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"{place}: {first['msg']}" if place else first["msg"]
        raise typer.BadParameter(f"{path}: {problem}", param_hint="--history") from None
    return tuple(Turn(turn.role, turn.content) for turn in bodies)


async def ask_timed(container: "Container", request: Request) -> tuple[Reply, float]:
    """Ask a question; return the reply and the duration in milliseconds.

    What an exact hit imports is imported before: the duration is the question's.
    """
    assistant, _ = container.assistant, container.redis_client
    start = time.perf_counter()
    reply = await assistant.ask(request)
    return reply, (time.perf_counter() - start) * 1000


def _print_reply(reply: Reply, milliseconds: float, out: "Console") -> None:
    out.print(reply.text)
    if reply.shown_sources:
        out.print()
    for number, source in enumerate(reply.shown_sources, start=1):
        text = " ".join(source.content.split())
        name = f"{source.title} ({source.note_id})" if source.title else source.note_id
        cited = ", cited" if number in reply.cited else ""
        out.print(
            f"[{number}] {name} ({source.similarity:.2f}{cited}) {text}",
            style="dim",
            overflow="ellipsis",
            no_wrap=True,
        )
    out.print()
    out.print(_summary(reply, milliseconds), style="cyan")


def _summary(reply: Reply, milliseconds: float) -> str:
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
