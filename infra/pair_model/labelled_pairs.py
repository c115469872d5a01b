"""Files of labelled question pairs."""

import csv
import gzip
from pathlib import Path
from typing import NamedTuple


class Pair(NamedTuple):
    """Two questions; `label` is 1 if one answer serves both, else 0."""

    a: str
    b: str
    label: int


def read_pairs(path: Path) -> list[Pair]:
    """Read a file of tab-separated values with the columns a, b and label; `.gz` is unpacked."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Pair(row["a"], row["b"], int(row["label"])) for row in rows]
