"""Figures beside their budgets: collected from modules, written as JSON, shown as a table."""

import asyncio
import inspect
import json
import sys
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number; `value` is None where it could not be measured here.

    `baseline` is what the naive design takes for the same, in the same unit. A `floor` is a
    budget that the value must reach; any other is one that it must not exceed.
    """

    unit: str = ""
    value: float | None = None
    budget: float | None = None
    baseline: float | None = None
    floor: bool = False

    def measured(self, value: float, baseline: float | None = None) -> "Figure":
        """This figure, measured."""
        return replace(self, value=value, baseline=baseline)

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of the baseline."""
        return self.value / self.baseline if self.value is not None and self.baseline else None

    @property
    def missed(self) -> bool:
        """Whether it was measured and breaks its budget."""
        if self.value is None or self.budget is None:
            return False
        return self.value < self.budget if self.floor else self.value > self.budget

    def row(self) -> dict[str, str | float | None]:
        """What the JSON says of it."""
        named = asdict(self) | {"ratio": self.ratio}
        fields = ("value", "unit", "budget", "baseline", "ratio")
        return {field: _short(named[field]) for field in fields}


def run(package: str, modules: Sequence[str], output: Path, arguments: Sequence[str]) -> None:
    """Collect what each module's `figures()` gives, awaited where need be, as it comes.

    `arguments` name the modules to run; none means all. The figures of the others stay in
    `output` as they are.
    """
    unknown = sorted(set(arguments) - set(modules))
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(modules)}")
    figures: dict[str, Figure] = {}
    for module in arguments or modules:
        print(f"{module} ...", flush=True)
        found = import_module(f"{package}.{module}").figures()
        fresh = asyncio.run(_awaited(found)) if inspect.isawaitable(found) else found
        figures |= fresh
        write(output, fresh)
    show(figures)


def show(figures: Mapping[str, Figure]) -> None:
    """Print a table, and below it which budgets are missed.

    No more than that: machines are noisy, and whoever reads it knows theirs.
    """
    console = Console()
    # A log has no width of its own, and rich's guess would break every word.
    Console(width=None if console.is_terminal else 140).print(_table(figures))
    print(verdict(figures))


def verdict(figures: Mapping[str, Figure]) -> str:
    """Name each budget that is missed, and each that could not be looked at."""
    missed = [name for name, figure in figures.items() if figure.missed]
    absent = [
        name
        for name, figure in figures.items()
        if figure.value is None and figure.budget is not None
    ]
    said = f"{len(missed)} missed: {', '.join(missed)}" if missed else "none missed"
    return f"budgets: {said}" + (f"; not measured: {', '.join(absent)}" if absent else "")


def write(output: Path, figures: Mapping[str, Figure]) -> None:
    """Put these figures into the file, in place of what it says of them."""
    known = json.loads(output.read_text("utf-8")) if output.exists() else {}
    known |= {name: figure.row() for name, figure in figures.items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(known, indent=2) + "\n", "utf-8")


async def _awaited(found: Awaitable[Mapping[str, Figure]]) -> Mapping[str, Figure]:
    return await found


def _table(figures: Mapping[str, Figure]) -> Table:
    table = Table("", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    table.add_column("")
    for heading in ("value", "budget", "naive", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for name, figure in figures.items():
        row = figure.row()
        budget = (
            f"{'>=' if figure.floor else '<='} {row['budget']}" if figure.budget is not None else ""
        )
        cells = ("" if row[field] is None else str(row[field]) for field in ("baseline", "ratio"))
        value = "absent" if figure.value is None else str(row["value"])
        mark = "[bold red]missed[/]" if figure.missed else ""
        table.add_row(name, figure.unit, value, budget, *cells, mark)
    return table


def _short(value: str | float | None) -> str | float | None:
    """Four significant digits: nothing here is known any better."""
    if not isinstance(value, float):
        return value
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded.is_integer() else rounded
