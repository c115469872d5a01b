"""`tercet demo`: show each kind of cache hit and an edit on sample notes."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.padding import Padding
from rich.table import Table

from infra.local.commands.ask import ask_timed
from infra.local.commands.command_context import console, pluralize, run_with_container
from infra.local.demo_scenario import ANN, BEN, SCENARIOS, Scenario, Step
from infra.local.embedded import Model
from infra.local.note_changes import import_notes, note_updated
from infra.local.sample_notes import SampleSet, read_sample_notes
from shared.errors import TercetError
from shared.question import Request

if TYPE_CHECKING:
    from rich.console import Console

    from shared.container import Container
    from shared.notes.file_import import ImportedNote
    from shared.reply import Reply

_LEGEND = (
    "Tier l1: the answer was cached. Tier l2: only the embedding of the question was cached."
    " None: nothing was cached. Users do not share answers; they share embeddings."
)
_INDENT = (0, 0, 0, 2)


class UnexpectedResultError(TercetError):
    """A step of the demo did not have the required result."""


def demo(
    *,
    notes: Annotated[
        SampleSet, typer.Option("--notes", help="The sample notes.")
    ] = SampleSet.HANDBOOK,
) -> None:
    """Ask questions about sample notes, edit a note and ask again; uses a temporary folder."""
    out = console()
    sample_notes = read_sample_notes(notes)
    scenario = SCENARIOS[notes]
    with tempfile.TemporaryDirectory(prefix="tercet-demo-") as folder:
        # An empty environment, so that the demo cannot write to a configured store or cache.
        run_with_container(
            Path(folder),
            lambda container: _run(container, scenario, sample_notes, out),
            model=Model.EXTRACTIVE,
            environ={},
        )


async def _run(
    container: "Container", scenario: Scenario, notes: "Sequence[ImportedNote]", out: "Console"
) -> None:
    start = time.perf_counter()
    with out.status("Importing sample notes"):
        await import_notes(container, [note_updated(ANN, note) for note in notes])
        await import_notes(container, [note_updated(BEN, scenario.bens_note)])
    seconds = time.perf_counter() - start
    out.print(f"Imported {len(notes)} sample notes for Ann and 1 for Ben in {seconds:.1f} s.")

    title = "Ann asks one question in several spellings, then another question"
    replies = await _ask_all(container, title, scenario.before_edit(), out)
    out.print(_LEGEND, style="dim")
    _print_answer(f"Ann asked: {scenario.question}", replies[0], out)
    _print_answer(f"Ben asked: {scenario.question}", replies[4], out)

    (note,) = (note for note in notes if note.note_id == scenario.edited_note)
    edited = note._replace(text=note.text.replace(scenario.before, scenario.after))
    outcome = await container.freshness.note_changed(note_updated(ANN, edited))
    out.print()
    out.print(f'Ann edits her note "{note.title}". New text:', style="bold")
    out.print(Padding(scenario.after, _INDENT))
    dropped = pluralize(outcome.dropped, "cached answer")
    out.print(f"Invalidation: {dropped} dropped, {outcome.retained} retained.")

    replies_after = await _ask_all(
        container, "Ann asks both questions again", scenario.after_edit(), out
    )
    _print_answer(f"Ann asked: {scenario.question}", replies_after[0], out)
    if _text(replies_after[0]) == _text(replies[0]) or outcome.retained != 1:
        raise UnexpectedResultError("the edit did not invalidate exactly the answers of its note")


async def _ask_all(
    container: "Container", title: str, steps: Sequence[Step], out: "Console"
) -> "list[Reply]":
    """Ask each question and print a table of the results.

    Raises:
        UnexpectedResultError: a reply has another tier or match than the step requires.
    """
    table = Table("who", "question", "result", "tier", "match", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("ms", justify="right")
    replies = []
    failed = None
    for step in steps:
        reply, milliseconds = await ask_timed(container, Request(step.user, step.query))
        replies.append(reply)
        cells = (step.description, reply.tier or "none", reply.match or "", f"{milliseconds:,.1f}")
        table.add_row(step.user.title(), step.query, *cells)
        if reply.tier not in step.tiers or reply.match != step.match:
            failed = step
            break
    out.print()
    out.print(title, style="bold")
    out.print(table)
    if failed:
        raise UnexpectedResultError(f'"{failed.query}": expected {failed.description}')
    return replies


def _print_answer(heading: str, reply: "Reply", out: "Console") -> None:
    out.print()
    out.print(heading, style="bold")
    out.print(Padding(_text(reply), _INDENT))
    cited = [
        f"[{number}] {source.note_id}"
        for number, source in enumerate(reply.sources, start=1)
        if f"[{number}]" in _text(reply)
    ]
    out.print(f"  from {', '.join(cited)}", style="dim")


def _text(reply: "Reply") -> str:
    return reply.answer.text if reply.answer else ""
