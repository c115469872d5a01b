"""Reads questions with alternatives: "Who is it {from/for}?" are two questions."""

import re
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path

_PLACE = re.compile(r"\{([^}]*)\}")


def read_templates(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the kind and two questions for each pair of alternatives of a line.

    A line is "kind: template", with "//" between templates of one group, and "|" for "/" in a text.
    """
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        kind, _, templates = line.partition(": ")
        questions = [text for each in templates.split(" // ") for text in _expand(each)]
        for one, other in combinations(dict.fromkeys(questions), 2):
            yield kind, one, other


def _expand(template: str) -> list[str]:
    parts = _PLACE.split(template)
    choices = [part.split("/") if place % 2 else [part] for place, part in enumerate(parts)]
    texts = ("".join(chosen).replace("|", "/") for chosen in product(*choices))
    return [re.sub(r" {2,}", " ", text).replace(" ?", "?") for text in texts]
