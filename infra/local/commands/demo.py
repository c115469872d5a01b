"""`tercet demo`: show each kind of cache hit and an edit on sample notes."""

import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.box import SIMPLE_HEAD
from rich.padding import Padding
from rich.table import Table

from infra.local.commands.ask import ask_timed
from infra.local.commands.command_context import console, run_with_container
from infra.local.commands.options import ChoiceOf
from infra.local.demo_scenario import ANN, BEN, SCENARIOS, Scenario, Step
from infra.local.embedded import Model
from infra.local.note_changes import import_notes, note_updated
from infra.local.sample_notes import SAMPLE_NOTES, SampleSet, read_sample_notes
from shared.errors import TercetError
from shared.question import Request

if TYPE_CHECKING:
    from rich.console import Console

    from shared.container import Container
    from shared.notes.files.file_import import ImportedNote

_LEGEND = (
    "Tier l1: the answer was cached. Tier l2: only the embedding of the question was cached."
    " None: nothing was cached. Users do not share answers; they share embeddings."
)


@click.command()
@click.option(
    "--notes",
    type=ChoiceOf(SampleSet),
    default=SampleSet.HANDBOOK.value,
    help="The sample notes.",
)
def demo(*, notes: SampleSet) -> None:
    """Ask questions about sample notes, edit a note and ask again; uses a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="tercet-demo-") as folder:
        # An empty environment, so that the demo cannot write to a configured store or cache.
        run_with_container(
            Path(folder),
            lambda container: _run(container, SCENARIOS[notes], read_sample_notes(notes)),
            model=Model.EXTRACTIVE,
            environ={},
        )
    _print_next_commands(SAMPLE_NOTES / notes, SCENARIOS[notes].other_question)


def _print_next_commands(folder: Path, question: str) -> None:
    """Print commands that work when they are copied from the terminal."""
    tercet = shlex.quote(_executable())
    click.echo(
        "\nNext, import these notes or your own folder, ask, and open the playground:\n"
        f"  {tercet} notes import {shlex.quote(_shortest(folder))}\n"
        f'  {tercet} ask "{question}"\n'
        f"  {tercet} serve"
    )


def _executable() -> str:
    """Return how a shell in this folder starts this installation's command."""
    script = Path(sys.executable).with_name("tercet")
    if script.is_relative_to(Path.cwd()):
        return _shortest(script)  # `uv run` and make extend PATH for one command only
    found = shutil.which("tercet")
    is_same = found and script.exists() and Path(found).samefile(script)
    return "tercet" if is_same else str(script)


def _shortest(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


async def _run(container: "Container", scenario: Scenario, notes: "list[ImportedNote]") -> None:
    out = console()
    start = time.perf_counter()
    with out.status("Importing sample notes"):
        await import_notes(container, ANN, [note_updated(ANN, note) for note in notes])
        await import_notes(container, BEN, [note_updated(BEN, scenario.bens_note)])
    seconds = time.perf_counter() - start
    out.print(f"Imported {len(notes)} sample notes for Ann and 1 for Ben in {seconds:.1f} s.")

    title = "Ann asks one question in several spellings, then another question"
    answers = await _ask_all(container, title, scenario.before_edit(), out)
    out.print(_LEGEND, style="dim")
    _print_section(f"Ann asked: {scenario.question}", answers[0], out)
    _print_section(f"Ben asked: {scenario.question}", answers[4], out)

    (note,) = (note for note in notes if note.note_id == scenario.edited_note)
    edited = note._replace(text=note.text.replace(scenario.before, scenario.after))
    change = await container.freshness.note_changed(note_updated(ANN, edited))
    _print_section(f'Ann edits her note "{note.title}". New text:', scenario.after, out)
    out.print(f"Invalidation: {change.dropped} cached answers dropped, {change.retained} retained.")

    title = "Ann asks both questions again"
    new_answer, _ = await _ask_all(container, title, scenario.after_edit(), out)
    _print_section(f"Ann asked: {scenario.question}", new_answer, out)
    if new_answer == answers[0] or change.retained != 1:
        raise TercetError("the edit did not invalidate exactly the answers of its note")


async def _ask_all(
    container: "Container", title: str, steps: Sequence[Step], out: "Console"
) -> list[str]:
    """Ask each question and print a table of the results; return the answers.

    Raises:
        TercetError: a reply has another match than the step requires.
    """
    table = Table("who", "question", "result", "tier", "match", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("ms", justify="right")
    replies = []
    for step in steps:
        reply, milliseconds = await ask_timed(container, Request(step.user, step.query))
        replies.append(reply)
        cells = (step.result, reply.tier or "none", reply.match or "", f"{milliseconds:,.1f}")
        table.add_row(step.user.title(), step.query, *cells)
    _print_section(title, table, out)
    for step, reply in zip(steps, replies, strict=True):
        if reply.match != step.match:
            raise TercetError(f'"{step.query}": expected {step.result}')
    return [reply.answer.text if reply.answer else "" for reply in replies]


def _print_section(heading: str, content: "str | Table", out: "Console") -> None:
    out.print()
    out.print(heading, style="bold")
    out.print(content if isinstance(content, Table) else Padding(content, (0, 0, 0, 2)))
