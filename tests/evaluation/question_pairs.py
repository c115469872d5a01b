"""Labelled pairs of questions, decided by cosine alone, by rules and by the pair model.

`python -m tests.evaluation.question_pairs` prints a table for each file. The intents of clinc150
and banking77 are broader than questions ("what is my balance", "how much money have I got left").
So many of their pairs are rejected that have the same label.
"""

import asyncio
import csv
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from shared.matching.decision import Decision, decide, is_distant, least_cosine
from shared.matching.pair_model.model import load_once
from shared.matching.tokens.typos import is_respelled
from shared.settings import Settings
from shared.text.canonical_form import canonical_form
from shared.vectors import Vector, cosines, stack
from tests.benchmarks.report import Metric
from tests.evaluation.datasets import AVAILABLE, rows
from tests.evaluation.embedding_cache import EMBEDDER
from tests.support.question_templates import read_templates

NAIVE = 0.85  # the cosine of the naive design
SETTINGS = Settings()
_LEVELS = (0.80, 0.85, 0.90, 0.95)
_MOST_PAIRS = 2_500  # of a data set; the pair model takes some 20 ms each
_NEIGHBOURS = 5
_FOLDER = Path(__file__).parent
_OWN = {
    "reworded": _FOLDER / "reworded.tsv",
    "note_questions": _FOLDER / "pairs" / "note_questions.tsv",
    "languages": _FOLDER / "pairs" / "languages.tsv",
    "independent": _FOLDER / "pairs" / "independent.tsv",
}
_MEASURED = {"support": "support_dev", "medical": "medical_dev", "open_web": "qqp_dev"}

METRICS = {
    "catechism_negatives_let_through": Metric(unit="share of cosine's", budget=0.05),
    "catechism_positives_kept": Metric(unit="share of cosine's", budget=0.75, floor=True),
    "paws_negatives_let_through": Metric(unit="share of cosine's", budget=0.25),
    "paws_positives_kept": Metric(unit="share of cosine's"),
    "reworded_negatives_let_through": Metric(unit="share of cosine's"),
    "reworded_positives_kept": Metric(unit="share of cosine's", budget=0.20, floor=True),
    "clinc150_positives_kept": Metric(unit="share of cosine's"),
    "banking77_positives_kept": Metric(unit="share of cosine's"),
    "semantic_false_share_catechism": Metric(unit="share of hits; naive: cosine alone"),
    "semantic_false_share_paws": Metric(unit="share of hits; naive: cosine alone"),
    "semantic_false_share_reworded": Metric(unit="share of hits; naive: cosine alone", budget=0.12),
    "semantic_false_share_clinc150": Metric(unit="share of hits; naive: cosine alone"),
    "note_questions_negatives_let_through": Metric(unit="share of cosine's", budget=0.1),
    "note_questions_positives_kept": Metric(unit="share of cosine's", budget=0.6, floor=True),
    "independent_negatives_let_through": Metric(unit="share of cosine's", budget=0.05),
    "independent_positives_kept": Metric(unit="share of cosine's", budget=0.6, floor=True),
    "traps_negatives_let_through": Metric(unit="share of cosine's", budget=0.01),
    "languages_negatives_let_through": Metric(unit="share of cosine's", budget=0.05),
    "support_negatives_let_through": Metric(unit="share of cosine's", budget=0.01),
    "support_positives_kept": Metric(unit="share of cosine's", budget=0.45, floor=True),
    "open_web_positives_kept": Metric(unit="share of cosine's", budget=0.45, floor=True),
    "semantic_false_share_open_web": Metric(unit="share of hits; naive: cosine", budget=0.1),
    "semantic_false_share_medical": Metric(unit="share of hits; naive: cosine", budget=0.04),
    "semantic_false_share_banking77": Metric(unit="share of hits; naive: cosine alone"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions as written, their label and their cosine."""

    a: str
    b: str
    same: bool
    cosine: float


@dataclass(frozen=True, slots=True)
class Score:
    """The number of right and wrong hits among pairs, and of pairs with each label."""

    kept: int
    wrong: int
    positives: int
    negatives: int

    @classmethod
    def of(cls, pairs: Iterable[Pair], hit: Callable[[Pair], bool]) -> "Score":
        """Count the hits among labelled pairs."""
        pairs = list(pairs)
        hits = [pair for pair in pairs if hit(pair)]
        kept = sum(pair.same for pair in hits)
        positives = sum(pair.same for pair in pairs)
        return cls(kept, len(hits) - kept, positives, len(pairs) - positives)

    @property
    def false_share(self) -> float:
        """The share of wrong hits among the hits, 0 without hits."""
        return self.wrong / max(1, self.kept + self.wrong)


def matches_by_rules(pair: Pair) -> bool:
    """Whether the pipeline matches a pair with `SEMANTIC_MATCHER=rules`."""
    return _matches(pair, decide(pair.a, pair.b), by_model=False)


@cache
def matches_by_model(pair: Pair) -> bool:
    """Whether the pipeline matches a pair without a verifier."""
    distant = is_distant(pair.cosine, SETTINGS)
    decision = decide(pair.a, pair.b, model=load_once(), distant=distant)
    return _matches(pair, decision, by_model=True)


def _matches(pair: Pair, decision: Decision, *, by_model: bool) -> bool:
    is_near = pair.cosine >= least_cosine(SETTINGS, by_model=by_model)
    return decision.is_match and (is_near or is_respelled(pair.a, pair.b))


def matches_above(level: float) -> Callable[[Pair], bool]:
    """Return a function that matches pairs by a threshold alone."""
    return lambda pair: pair.cosine >= level


async def load_pairs() -> dict[str, list[Pair]]:
    """Return all labelled pairs by the name of their data set."""
    sources = {name: _read(path) for name, path in _OWN.items()}
    sources["traps"] = [
        {"a": a, "b": b, "label": "0"} for _, a, b in read_templates(_FOLDER / "pairs/traps.txt")
    ]
    if AVAILABLE:
        negatives = rows("pairs/catechism_hard_negatives.tsv")
        sources["catechism"] = negatives + rows("pairs/catechism_cross_positives.tsv")
        sources["paws"] = rows("pairs/paws_wiki_dev.tsv")
        sources |= {name: rows(f"pairs/{file}.tsv") for name, file in _MEASURED.items()}
    found = {name: await _labelled(table[:_MOST_PAIRS]) for name, table in sources.items()}
    if AVAILABLE:
        found["clinc150"] = await _by_intent("pairs/clinc150_test.tsv", "intent")
        found["banking77"] = await _by_intent("pairs/banking77_test.csv", "category")
    return found


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


async def _labelled(table: list[dict[str, str]]) -> list[Pair]:
    vectors = await _vectors(text for row in table for text in (row["a"], row["b"]))
    pairs = []
    for row in table:
        a, b = row["a"], row["b"]
        one, other = vectors[canonical_form(a)], vectors[canonical_form(b)]
        cosine = float(cosines(one, other[np.newaxis])[0])
        pairs.append(Pair(a, b, row["label"] == "1", cosine))
    return pairs


async def _by_intent(path: str, intent: str) -> list[Pair]:
    """Pair each phrasing with its nearest neighbours above the lowest level."""
    intents = {canonical_form(row["text"]): row[intent] for row in rows(path)}
    vectors = await _vectors(intents)
    texts = list(intents)
    matrix = stack([vectors[text] for text in texts])
    pairs: dict[frozenset[str], Pair] = {}
    for text in texts:
        similarity = cosines(vectors[text], matrix)
        order = (int(place) for place in np.argsort(-similarity, kind="stable"))
        near = (place for place in order if texts[place] != text)
        for place in islice(near, _NEIGHBOURS):
            if similarity[place] >= _LEVELS[0]:
                other = texts[place]
                same = intents[text] == intents[other]
                pairs[frozenset((text, other))] = Pair(text, other, same, float(similarity[place]))
    found = list(pairs.values())
    return random.Random(5).sample(found, min(len(found), _MOST_PAIRS))


async def _vectors(texts: Iterable[str]) -> Mapping[str, Vector]:
    normal = list(dict.fromkeys(map(canonical_form, texts)))
    return dict(zip(normal, await EMBEDDER.embed(normal), strict=True))


async def collect_metrics() -> dict[str, Metric]:
    """Measure the default matcher against a cosine of 0.85 alone."""
    measured = dict(METRICS)
    for name, pairs in (await load_pairs()).items():
        cosine, model = Score.of(pairs, matches_above(NAIVE)), Score.of(pairs, matches_by_model)
        values = {
            f"{name}_negatives_let_through": (model.wrong / max(1, cosine.wrong), 1.0),
            f"{name}_positives_kept": (model.kept / max(1, cosine.kept), 1.0),
            f"semantic_false_share_{name}": (model.false_share, cosine.false_share),
        }
        for metric, (value, baseline) in values.items():
            if metric in measured:
                measured[metric] = measured[metric].with_value(value, baseline)
    return measured


def table(name: str, pairs: list[Pair]) -> Table:
    """Return a table of one data set's pairs, with a row for each method."""
    shown = Table("decided by", "hits", "wrong", "false share", "recall", title=name)
    strategies = {f"cosine {level:.2f}": matches_above(level) for level in _LEVELS}
    strategies |= {"rules": matches_by_rules, "model": matches_by_model}
    for strategy, hit in strategies.items():
        score = Score.of(pairs, hit)
        recall = f"{score.kept / score.positives:.3f}" if score.positives else "-"
        hits = f"{score.kept + score.wrong:,}"
        shown.add_row(strategy, hits, f"{score.wrong:,}", f"{score.false_share:.3f}", recall)
    return shown


if __name__ == "__main__":
    console = Console()
    for source, labelled in asyncio.run(load_pairs()).items():
        positives = sum(pair.same for pair in labelled)
        console.print(table(f"{source}: {len(labelled):,} pairs, {positives:,} the same", labelled))
