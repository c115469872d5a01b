"""Metrics with their budgets: collected from modules, written as JSON, printed as a table."""

import argparse
import asyncio
import inspect
import json
import os
import sys
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
_LOG_WIDTH = 140  # columns, where the output is not a terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number that a benchmark or an evaluation measures.

    Attributes:
        unit: the unit of `value`, `budget` and `baseline`.
        value: the measurement; None where this machine cannot measure it.
        budget: the largest value allowed or, if `floor` is set, the smallest.
        baseline: the same measurement of the naive design.
        floor: whether `budget` is a minimum.
    """

    unit: str = ""
    value: float | None = None
    budget: float | None = None
    baseline: float | None = None
    floor: bool = False

    def with_value(self, value: float, baseline: float | None = None) -> "Metric":
        """Return a copy that holds the measurement."""
        return replace(self, value=value, baseline=baseline)

    @property
    def ratio(self) -> float | None:
        """The value divided by the baseline."""
        return self.value / self.baseline if self.value is not None and self.baseline else None

    @property
    def missed(self) -> bool:
        """Whether the value was measured and violates its budget."""
        if self.value is None or self.budget is None:
            return False
        return self.value < self.budget if self.floor else self.value > self.budget

    def row(self) -> dict[str, str | float | None]:
        """Return the metric's JSON object."""
        values = asdict(self) | {"ratio": self.ratio}
        return {
            field: _rounded(values[field])
            for field in ("value", "unit", "budget", "baseline", "ratio")
        }


def run(package: str, modules: Sequence[str], output: Path, arguments: Sequence[str]) -> None:
    """Run `collect_metrics()` of each module, then print a table of the metrics.

    Standard error of this process and its children goes to a file beside `output`. The process
    exits with status 1 if `--strict` is given and a budget is missed.

    Args:
        package: the package of the modules.
        modules: names of the modules; their `collect_metrics()` may be async.
        output: the JSON file. Metrics of modules that do not run stay in it.
        arguments: command-line arguments: names of modules (default: all), and `--strict`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parser.add_argument(
        "parts", nargs="*", help=f"parts to run: {', '.join(modules)} (default: all)"
    )
    parser.add_argument("--strict", action="store_true", help="fail if a budget is missed")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.parts) - set(modules)):
        parser.error(f"unknown part: {', '.join(unknown)}; available: {', '.join(modules)}")
    metrics: dict[str, Metric] = {}
    with stderr_to(output.with_suffix(".log")):
        for module in options.parts or modules:
            print(f"{module} ...", flush=True)
            result = import_module(f"{package}.{module}").collect_metrics()
            collected = asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
            metrics |= collected
            write(output, collected)
    show(metrics)
    if options.strict and missed(metrics):
        sys.exit(1)


def show(metrics: Mapping[str, Metric]) -> None:
    """Print a table of the metrics and a summary of their budgets."""
    console = Console()
    Console(width=None if console.is_terminal else _LOG_WIDTH).print(_table(metrics))
    print(summary(metrics))


def summary(metrics: Mapping[str, Metric]) -> str:
    """Return one line with the budgets that were missed or not measured."""
    names = missed(metrics)
    absent = [
        name
        for name, metric in metrics.items()
        if metric.value is None and metric.budget is not None
    ]
    result = f"{len(names)} missed: {', '.join(names)}" if names else "none missed"
    return f"budgets: {result}" + (f"; not measured: {', '.join(absent)}" if absent else "")


def missed(metrics: Mapping[str, Metric]) -> list[str]:
    """Return the names of the metrics that violate their budgets."""
    return [name for name, metric in metrics.items() if metric.missed]


def write(output: Path, metrics: Mapping[str, Metric]) -> None:
    """Add the metrics to a JSON file, or replace those that it contains."""
    rows = json.loads(output.read_text("utf-8")) if output.exists() else {}
    rows |= {name: metric.row() for name, metric in metrics.items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


@contextmanager
def stderr_to(path: Path) -> Iterator[None]:
    """Redirect standard error, also of child processes, to a file: it holds their log lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    original = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(original, 2)
        os.close(original)


async def _awaited(result: Awaitable[Mapping[str, Metric]]) -> Mapping[str, Metric]:
    return await result


def _table(metrics: Mapping[str, Metric]) -> Table:
    table = Table("", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    table.add_column("")
    for heading in ("value", "budget", "baseline", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for name, metric in metrics.items():
        row = metric.row()
        sign = ">=" if metric.floor else "<="
        budget = "" if metric.budget is None else f"{sign} {row['budget']}"
        cells = ("" if row[field] is None else str(row[field]) for field in ("baseline", "ratio"))
        value = "not measured" if metric.value is None else str(row["value"])
        mark = "[bold red]missed[/]" if metric.missed else ""
        table.add_row(name, metric.unit, value, budget, *cells, mark)
    return table


def _rounded(value: str | float | None) -> str | float | None:
    """Round a number to four significant digits; repeated runs differ by more."""
    if not isinstance(value, float):
        return value
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded.is_integer() else rounded
