"""`python -m infra.cost [inputs.toml] [--write]`: what a month costs."""

import argparse
import sys
from pathlib import Path

from infra.cost.inputs import DEFAULT, Inputs
from infra.cost.report import report
from shared.errors import ConfigurationError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
BEGIN = "<!-- begin: python -m infra.cost -->"
END = "<!-- end -->"


def main(arguments: list[str] | None = None) -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__)
    parser.add_argument("inputs", nargs="?", type=Path, default=DEFAULT, help="prices, TOML")
    parser.add_argument("--write", action="store_true", help="write them into docs/cost.md")
    given = parser.parse_args(arguments)
    try:
        tables = report(Inputs.read(given.inputs))
    except ConfigurationError as error:
        parser.error(str(error))
    if given.write:
        PAGE.write_text(placed(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")
    else:
        sys.stdout.write(f"{tables}\n")


def placed(page: str, tables: str) -> str:
    """Put tables between the page's two marks, in place of what is there."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


if __name__ == "__main__":
    main()
