"""`python -m tests.lambda_emulator`: send events to the built functions and print the results."""

import argparse
import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.padding import Padding
from rich.table import Table

from infra.local.commands.command_context import console
from shared.errors import TercetError
from tests.lambda_emulator.dependencies import start_dependencies
from tests.lambda_emulator.function import EmulatedFunction, Invocation
from tests.lambda_emulator.runtime import PYTHON, ROOT, Runtime, build
from tests.lambda_emulator.scenario import Step, describe_result, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from rich.console import Console

_FUNCTIONS = ("invalidate", "ask", "stats")
_LEGEND = (
    "Each function runs in one process, as in Lambda. Its first event includes the cold start:"
    " Python starts, imports the handler and initializes it. Memory is the peak of the process so"
    " far. Valkey, PostgreSQL, MiniLM and the extractive answerer run on this machine."
)
_DOCKER = "With Docker: sam local invoke AskFunction --event tests/events/ask.json"


def main() -> int:
    """Build the functions and run the scenario; 1 if a result is not the required one."""
    out = console()
    try:
        with out.status("Building the functions"):
            build_folder = build()
            runtime = Runtime.prepare()
        out.print(
            f"Running the output of `sam build` ({build_folder.relative_to(ROOT)}) on Lambda's"
            f" runtime for Python {PYTHON} and its interface emulator."
        )
        with start_dependencies() as environ:
            succeeded = run_scenario(build_folder, runtime, environ, out)
    except TercetError as error:
        out.print(str(error))
        return 1
    return 0 if succeeded else 1


def run_scenario(
    build_folder: "Path", runtime: Runtime, environ: "Mapping[str, str]", out: "Console"
) -> bool:
    """Send every event and print the results; False if one is not the required one."""
    with ExitStack() as stack:
        functions = {
            name: stack.enter_context(EmulatedFunction(runtime, build_folder, name, environ))
            for name in _FUNCTIONS
        }
        with out.status("Sending events"):
            results = [(step, functions[step.function].invoke(step.event)) for step in steps()]
    out.print(_table(results))
    for line in (_LEGEND, _DOCKER):
        out.print(line, style="dim")
    answers = [_answer(invocation) for step, invocation in results if step.function == "ask"]
    for title, answer in (("before", answers[0]), ("after", answers[-1])):
        out.print(f"\nThe answer {title} the note change:", style="bold")
        out.print(Padding(answer, (0, 0, 0, 2)))
    failed = [
        step.description
        for step, invocation in results
        if describe_result(step.event, invocation.response) != step.result
    ]
    if failed:
        out.print(f"\nUnexpected results: {', '.join(failed)}", style="bold red")
    return not failed


def _table(results: "Iterable[tuple[Step, Invocation]]") -> Table:
    table = Table("function", "event", "result", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("init, ms", "total, ms", "MB"):
        table.add_column(heading, justify="right")
    for step, invocation in results:
        numbers = (invocation.init, invocation.duration, invocation.peak_mb)
        cells = ("" if number is None else f"{number:,.0f}" for number in numbers)
        result = describe_result(step.event, invocation.response)
        table.add_row(step.function, step.description, result, *cells)
    return table


def _answer(invocation: Invocation) -> str:
    """Return the answer of a response, or the response itself if it has none."""
    try:
        return str(json.loads(invocation.response["body"])["answer"])
    except (KeyError, TypeError):
        return str(invocation.response)


if __name__ == "__main__":
    argparse.ArgumentParser("python -m tests.lambda_emulator", description=__doc__).parse_args()
    sys.exit(main())
