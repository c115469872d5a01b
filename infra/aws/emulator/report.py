"""Events go to the functions; what comes back, how long it took and the memory, as a table."""

import json
import platform
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.padding import Padding
from rich.table import Table

from infra.aws.emulator.function import EmulatedFunction, Invocation
from infra.aws.emulator.runtime import PYTHON, Runtime
from infra.aws.emulator.scenario import Step, outcome_of, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from rich.console import Console

_FUNCTIONS = ("invalidate", "ask", "stats")
_LEGEND = (
    "Each function is a process of its own, as in Lambda, and ran through all of its events. The"
    " first one waits for the process to begin: Python starts, imports, and makes the handler."
    " Memory is the most that the process had held by then. Around them, all on this machine:"
    " Valkey, PostgreSQL, and in Hugging Face's place MiniLM and answers that quote the notes."
)
_DOCKER = "With Docker: sam local invoke AskFunction --event tests/events/ask.json"


def print_header(build_folder: "Path", runtime: Runtime, out: "Console") -> None:
    """Say what it is that runs."""
    if runtime.deployed:
        out.print(
            f"Running the output of `sam build` ({build_folder}) on Lambda's runtime for"
            f" Python {PYTHON} and its interface emulator, with nothing else on sys.path."
        )
    else:
        out.print(
            f"Python {PYTHON}, which is deployed, is not installed (uv python install {PYTHON})."
            f" So this is Lambda's runtime on Python {platform.python_version()}: what `sam build`"
            f" made of Tercet ({build_folder}), with the packages of this project's environment."
        )


def run_scenario(
    build_folder: "Path", runtime: Runtime, environ: "Mapping[str, str]", out: "Console"
) -> bool:
    """Send every event, and show what comes of it; False where that is not what it must be."""
    with ExitStack() as running:
        functions = {
            name: running.enter_context(EmulatedFunction.of(name, runtime, build_folder, environ))
            for name in _FUNCTIONS
        }
        with out.status("Sending events"):
            done = [(step, functions[step.function].invoke(step.event)) for step in steps()]
    out.print(_table(done))
    for line in (_LEGEND, _DOCKER):
        out.print(line, style="dim")
    answers = [_answer(invocation) for step, invocation in done if step.function == "ask"]
    for title, answer in (("before", answers[0]), ("after", answers[-1])):
        out.print(f"\nThe answer {title} the note changed:", style="bold")
        out.print(Padding(answer, (0, 0, 0, 2)))
    wrong = [
        step.what
        for step, invocation in done
        if outcome_of(step.event, invocation.response) != step.outcome
    ]
    if wrong:
        out.print(f"\nNot what it must be: {', '.join(wrong)}", style="bold red")
    return not wrong


def _table(done: "Iterable[tuple[Step, Invocation]]") -> Table:
    table = Table("function", "event", "what comes of it", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("begin, ms", "all, ms", "MB"):
        table.add_column(heading, justify="right")
    for step, invocation in done:
        outcome = outcome_of(step.event, invocation.response)
        numbers = (invocation.init, invocation.duration, invocation.peak_mb)
        cells = ("" if number is None else f"{number:,.0f}" for number in numbers)
        table.add_row(step.function, step.what, outcome, *cells)
    return table


def _answer(invocation: Invocation) -> str:
    """The answer of a response, or what there is instead."""
    try:
        return str(json.loads(invocation.response["body"])["answer"])
    except (KeyError, TypeError):
        return str(invocation.response)
