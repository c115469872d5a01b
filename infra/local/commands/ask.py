"""`tercet ask`: one question, answered as the HTTP function answers it."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from functions.ask.serializers import serialize_reply
from infra.local.commands.command_context import console, run_with_container
from infra.local.commands.options import ME, Data, Json, ModelOption, User
from infra.local.embedded import DATA
from shared.assistant import Request
from shared.reply import NO_NOTES, Reply

if TYPE_CHECKING:
    from rich.console import Console

    from shared.container import Container


def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    *,
    user: User = ME,
    data: Data = DATA,
    model: ModelOption = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Generate a new answer.")] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Refuse the answer to another wording.")
    ] = False,
    json: Json = False,
) -> None:
    """Answer a question from a user's notes."""
    request = Request(user, question, no_cache=no_cache, exact=exact)

    async def answer(container: "Container") -> tuple[Reply, float]:
        return await timed(container, request)

    reply, milliseconds = run_with_container(data, answer, model=model)
    if json:
        sys.stdout.write(serialize_reply(request, reply).decode() + "\n")
    else:
        show(reply, milliseconds, console())


async def timed(container: "Container", request: Request) -> tuple[Reply, float]:
    """Ask, and take the time in milliseconds."""
    began = time.perf_counter()
    reply = await container.assistant.ask(request)
    return reply, (time.perf_counter() - began) * 1000


def show(reply: Reply, milliseconds: float, out: "Console") -> None:
    """Print an answer with its sources, and one line on where it came from."""
    out.print(reply.answer.text if reply.answer else NO_NOTES)
    if reply.sources:
        out.print()
    for number, source in enumerate(reply.sources, start=1):
        line = " ".join(source.content.split())
        out.print(
            f"[{number}] {source.note_id} ({source.similarity:.2f}) {line}",
            style="dim",
            overflow="ellipsis",
            no_wrap=True,
        )
    out.print()
    out.print(origin(reply, milliseconds), style="cyan")


def origin(reply: Reply, milliseconds: float) -> str:
    """Say in a line which tier answered, by what match, how fast and for how much."""
    told = [f"tier {reply.tier or 'none'}"]
    if reply.match == "semantic":
        told.append(f"semantic match ({reply.similarity:.2f}) with: {reply.matched_question}")
    elif reply.match:
        told.append(f"{reply.match} match")
    if reply.stale:
        told.append("stale: the model is left alone")
    if reply.extractive:
        told.append("quoted: the model is left alone")
    told.append(f"{milliseconds:.1f} ms")
    # What a hit shows was paid when its answer was written.
    cost = reply.answer.cost if reply.answer and reply.tier != "l1" else 0.0
    told.append(f"${cost:.6f}" if cost else "no cost")
    if reply.cache != "ok":
        told.append(f"cache {reply.cache}")
    return " · ".join(told)
