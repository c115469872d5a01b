"""The inputs: prices with their sources, what was measured, what is assumed."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from shared.errors import ConfigurationError

DEFAULT = Path(__file__).with_name("inputs.toml")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one of something; `date` is the month in which `source` said so."""

    dollars: float
    per: str
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that a month's cost is computed from."""

    prices: Mapping[str, Price]
    figures: Mapping[str, float]
    """Measured and assumed alike."""
    meanings: Mapping[str, str]
    plan: Mapping[str, float]

    @classmethod
    def read(cls, path: Path = DEFAULT) -> Self:
        """Read a TOML file of the form of `inputs.toml`.

        Raises:
            ConfigurationError: it is not there, not TOML, or not of that form.
        """
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
            stated: dict[str, Any] = tables["measured"] | tables["assumed"]
            return cls(
                prices={name: Price(**price) for name, price in tables["prices"].items()},
                figures={name: float(each["value"]) for name, each in stated.items()},
                meanings={name: each["what"] for name, each in stated.items()},
                plan=tables["plan"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"{path}: {error}; {DEFAULT.name} shows the form") from error

    def price(self, name: str) -> float:
        """Dollars for one of what `name` is the price of."""
        return self.prices[name].dollars

    def but(self, **figures: float) -> "Inputs":
        """Give the same inputs with other figures."""
        return replace(self, figures={**self.figures, **figures})

    def at(self, **dollars: float) -> "Inputs":
        """Give the same inputs at other prices."""
        changed = {name: replace(self.prices[name], dollars=d) for name, d in dollars.items()}
        return replace(self, prices={**self.prices, **changed})
