"""The data sets of questions, phrasings and topics beside the checkout."""

import csv
import random
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

from tests.support.data import DATA

Drawn = TypeVar("Drawn")

AVAILABLE = DATA.is_dir()
"""Whether the data sets are available, which all evaluations need."""


def rows(relative: str) -> list[dict[str, str]]:
    """Return the rows of a table with a header, by column."""
    with (DATA / relative).open(encoding="utf-8", newline="") as lines:
        if relative.endswith(".csv"):
            return list(csv.DictReader(lines))
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def topics() -> list[tuple[str, int]]:
    """Return 2,000 topics with their votes, the most popular first."""
    table = rows("questions/topic_popularity.tsv")
    return [(row["topic"].strip(), int(row["votes"])) for row in table]


def draw_popular(items: Sequence[Drawn], count: int, generator: random.Random) -> list[Drawn]:
    """Draw with repetition, where the n-th item has the popularity of the n-th topic."""
    votes = list(accumulate(vote for _, vote in topics()[: len(items)]))
    return generator.choices(items, cum_weights=votes, k=count)
