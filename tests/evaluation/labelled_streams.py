"""Streams of labelled questions through the pipeline, with each strategy.

clinc150 and banking77: one user has a note for each intent, and an answer for another intent is
wrong. Catechisms: one user with 732 devotional readings asks the questions of labelled pairs, and
an answer to a question with the label "different" is wrong.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from shared.text.canonical_form import canonical_form
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.datasets import AVAILABLE, draw_popular, rows
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import import_notes, open_container
from tests.evaluation.intents import FILES, Intents
from tests.evaluation.matching_strategies import (
    PRODUCT,
    STRATEGIES,
    Asked,
    Outcome,
    Wrong,
    differs_in_meaning,
    replay,
    report,
)
from tests.support.data import devotionals

ASKED = 1_500
CATECHISMS_ASKED = 600  # of some 200 different questions
_USER = "one"
_PAIRS = "pairs/catechism_{}.tsv"

METRICS = {
    f"replay_{stream}_{what}": Metric(unit=f"{unit} a question; naive: cosine alone")
    for stream in (*FILES, "catechisms")
    for what, unit in (("avoided", "answers avoided"), ("wrong", "wrong answers"))
}


@dataclass(frozen=True, slots=True)
class Stream:
    """A user's notes and questions, and the definition of a wrong answer."""

    notes: Mapping[str, str]
    questions: list[Asked]
    wrong: Wrong


def intents(name: str) -> Stream:
    """Return phrasings of intents, popular intents more often."""
    data = Intents.load(name)
    return Stream(data.notes, data.stream(_USER, ASKED, random.Random(11)), differs_in_meaning)


def catechisms() -> Stream:
    """Return questions of several catechisms, with rewordings and near misses."""
    generator = random.Random(13)
    negatives, positives = (rows(_PAIRS.format(n)) for n in ("hard_negatives", "cross_positives"))
    different = {_pair(row["a"], row["b"]) for row in negatives}
    texts = sorted({row[side] for row in negatives + positives for side in "ab"})
    generator.shuffle(texts)
    questions = [
        Asked(_USER, text, canonical_form(text))
        for text in draw_popular(texts, CATECHISMS_ASKED, generator)
    ]
    return Stream(
        {reading["note_id"]: reading["text"] for reading in devotionals()},
        questions,
        lambda asked, matched: _pair(asked.text, matched.text) in different,
    )


def _pair(a: str, b: str) -> frozenset[str]:
    return frozenset((canonical_form(a), canonical_form(b)))


async def measure(stream: Stream) -> dict[str, Outcome]:
    """Ask the stream with each strategy on a cold cache."""
    await EMBEDDER.questions(asked.text for asked in stream.questions)
    outcomes = {}
    for strategy in STRATEGIES:
        async with open_container() as container:
            await import_notes(container, _USER, stream.notes)
            outcomes[strategy] = await replay(container, strategy, stream.questions, stream.wrong)
    return outcomes


async def collect_metrics() -> dict[str, Metric]:
    """Measure each stream, and print the strategies."""
    if not AVAILABLE:
        return METRICS
    measured = {}
    for name in (*FILES, "catechisms"):
        outcomes = await measure(catechisms() if name == "catechisms" else intents(name))
        print(f"  {name}")
        report(outcomes)
        product, cosine = outcomes[PRODUCT], outcomes["cosine"]
        for what, values in {
            "avoided": (product.avoided, cosine.avoided),
            "wrong": (product.wrong_share, cosine.wrong_share),
        }.items():
            measured[f"replay_{name}_{what}"] = METRICS[f"replay_{name}_{what}"].with_value(*values)
    return measured


if __name__ == "__main__":
    run("tests.evaluation", ("labelled_streams",), BUILD / "eval.json", ())
