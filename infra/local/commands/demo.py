"""`tercet demo`: see in half a minute what the cache saves, and that it stays true."""

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.commands.command_context import console, pluralize

_LEGEND = (
    "Tier l1: the answer came from the cache; l2: only the question's embedding did; none:"
    " nothing did. Answers are each user's own; an embedding is the same for everyone."
)
_INDENT = (0, 0, 0, 2)

if TYPE_CHECKING:
    from rich.console import Console

    from infra.local.demo_scenario import Scene
    from shared.container import Container
    from shared.reply import Reply


def demo() -> None:
    """Import sample notes into a temporary folder, ask, edit a note, and ask again."""
    import asyncio  # noqa: PLC0415 - with the rest

    from infra.local.embedded import Model, open_embedded  # noqa: PLC0415 - slow to load

    out = console()
    with (
        tempfile.TemporaryDirectory(prefix="tercet-demo-") as folder,
        # Without the environment: the demonstration touches nobody's real notes.
        open_embedded(Path(folder), model=Model.EXTRACTIVE, environ={}) as container,
    ):

        async def whole() -> None:
            try:
                await _play(container, out)
            finally:
                await container.aclose()

        asyncio.run(whole())


async def _play(container: "Container", out: "Console") -> None:
    from rich.padding import Padding  # noqa: PLC0415 - slow to load, as below

    from infra.local import demo_scenario as play  # noqa: PLC0415
    from infra.local.bulk_import import import_notes  # noqa: PLC0415
    from infra.local.change_messages import note_updated  # noqa: PLC0415
    from shared.notes.file_import import read_note_files  # noqa: PLC0415

    began = time.perf_counter()
    notes = read_note_files(play.SAMPLES)
    with out.status("Importing sample notes"):
        imported = await import_notes(container, play.ANN, notes)
        await import_notes(container, play.BEN, [play.BENS_NOTE])
    seconds = time.perf_counter() - began
    out.print(f"{imported.notes} sample notes for Ann and 1 for Ben, imported in {seconds:.1f} s.")

    first = await _play_scene(container, play.TIERS, out)
    out.print(_LEGEND, style="dim")
    _quote(f"Ann asked: {play.QUESTION}", first[0], out)
    _quote(f"Ben asked: {play.QUESTION}", first[4], out)

    (note,) = (note for note in notes if note.note_id == play.EDITED)
    edited = note._replace(text=note.text.replace(play.BEFORE, play.AFTER))
    outcome = await container.freshness.note_changed(note_updated(play.ANN, edited))
    out.print()
    out.print(f'Ann edits her note "{note.title}". It now says:', style="bold")
    out.print(Padding(play.AFTER, _INDENT))
    dropped = pluralize(outcome.dropped, "cached answer")
    out.print(f"{dropped} dropped: both wordings of what the note helped to answer.")
    out.print(f"{outcome.retained} kept: the note has nothing to do with it.")

    again = await _play_scene(container, play.AFTER_EDIT, out)
    _quote(f"Ann asked: {play.QUESTION}", again[0], out)
    if _text(again[0]) == _text(first[0]) or outcome.retained != 1:
        raise play.UnexpectedError("the edit changed no answer, or too many")


async def _play_scene(container: "Container", scene: "Scene", out: "Console") -> "list[Reply]":
    """Ask each question, and show them as a table; a step that went wrong is the last.

    Raises:
        UnexpectedError: a tier or match is not what it should be.
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - slow to load, as below
    from rich.table import Table  # noqa: PLC0415

    from infra.local.commands.ask import timed  # noqa: PLC0415
    from infra.local.demo_scenario import UnexpectedError  # noqa: PLC0415
    from shared.assistant import Request  # noqa: PLC0415

    table = Table(
        "who", "question", "what happens", "tier", "match", box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("ms", justify="right")
    replies = []
    wrong = None
    for step in scene.steps:
        reply, milliseconds = await timed(container, Request(step.user, step.query))
        replies.append(reply)
        told = (step.what, reply.tier or "none", reply.match or "", f"{milliseconds:,.1f}")
        table.add_row(step.user.title(), step.query, *told)
        if reply.tier not in step.tiers or reply.match != step.match:
            wrong = step
            break
    out.print()
    out.print(scene.title, style="bold")
    out.print(table)
    if wrong:
        raise UnexpectedError(f'"{wrong.query}" should have been: {wrong.what}')
    return replies


def _quote(who: str, reply: "Reply", out: "Console") -> None:
    from rich.padding import Padding  # noqa: PLC0415 - slow to load

    out.print()
    out.print(who, style="bold")
    out.print(Padding(_text(reply), _INDENT))
    used = [
        f"[{number}] {source.note_id}"
        for number, source in enumerate(reply.sources, start=1)
        if f"[{number}]" in _text(reply)
    ]
    out.print(f"  from {', '.join(used)}", style="dim")


def _text(reply: "Reply") -> str:
    return reply.answer.text if reply.answer else ""
