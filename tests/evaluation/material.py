"""The real questions, phrasings and topics beside the checkout, as evaluations draw on them."""

import csv
import random
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

from tests.support.data import DATA

Drawn = TypeVar("Drawn")

AVAILABLE = DATA.is_dir()
"""Whether the real data are there; without them nothing here can be measured."""


def rows(relative: str) -> list[dict[str, str]]:
    """The rows of a table with a header, by column."""
    with (DATA / relative).open(encoding="utf-8", newline="") as lines:
        if relative.endswith(".csv"):
            return list(csv.DictReader(lines))
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def topics() -> list[tuple[str, int]]:
    """2,000 topics that people looked up, the most popular first, with their votes."""
    table = rows("questions/topic_popularity.tsv")
    return [(row["topic"].strip(), int(row["votes"])) for row in table]


def draw_popular(things: Sequence[Drawn], count: int, generator: random.Random) -> list[Drawn]:
    """Draw with repetition: the n-th thing as often as the n-th topic was looked up."""
    votes = list(accumulate(vote for _, vote in topics()[: len(things)]))
    return generator.choices(things, cum_weights=votes, k=count)
