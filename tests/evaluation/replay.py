"""Streams of real phrasings through the whole pipeline, in each of three ways.

clinc150, banking77: one user with a note for each intent; an answer that was written for another
intent is wrong. Catechisms: one user with 732 devotional readings asks the questions of labelled
pairs of several catechisms; wrong is what the labels call different.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from shared.question import normalise
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.arms import ARMS, Asked, Outcome, Wrong, another_meaning, replay, report
from tests.evaluation.embedding import EMBEDDER
from tests.evaluation.intents import FILES, Intents
from tests.evaluation.material import AVAILABLE, draw_popular, rows
from tests.evaluation.pipeline import import_notes, pipeline
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
    """What one user has written and asks, and what would be a wrong answer."""

    notes: Mapping[str, str]
    questions: list[Asked]
    wrong: Wrong


def intents(name: str) -> Stream:
    """Phrasings of intents, the popular intents more often."""
    read = Intents.read(name)
    return Stream(read.notes, read.stream(_USER, ASKED, random.Random(11)), another_meaning)


def catechisms() -> Stream:
    """Questions of several catechisms, rewordings of each other and near misses in one stream."""
    generator = random.Random(13)
    negatives, positives = (rows(_PAIRS.format(n)) for n in ("hard_negatives", "cross_positives"))
    different = {_pair(row["a"], row["b"]) for row in negatives}
    texts = sorted({row[side] for row in negatives + positives for side in "ab"})
    generator.shuffle(texts)
    questions = [
        Asked(_USER, text, normalise(text))
        for text in draw_popular(texts, CATECHISMS_ASKED, generator)
    ]
    return Stream(
        {reading["note_id"]: reading["text"] for reading in devotionals()},
        questions,
        lambda asked, matched: _pair(asked.text, matched.text) in different,
    )


def _pair(a: str, b: str) -> frozenset[str]:
    return frozenset((normalise(a), normalise(b)))


async def measure(stream: Stream) -> dict[str, Outcome]:
    """Ask the stream in each way, each on a cold cache."""
    await EMBEDDER.questions(asked.text for asked in stream.questions)
    outcomes = {}
    for way in ARMS:
        async with pipeline() as container:
            await import_notes(container, _USER, stream.notes)
            outcomes[way] = await replay(container, way, stream.questions, stream.wrong)
    return outcomes


async def collect_metrics() -> dict[str, Metric]:
    """Measure each stream, and print its three ways."""
    if not AVAILABLE:
        return METRICS
    measured = {}
    for name in (*FILES, "catechisms"):
        outcomes = await measure(catechisms() if name == "catechisms" else intents(name))
        print(f"  {name}")
        report(outcomes)
        rules, cosine = outcomes["rules"], outcomes["cosine"]
        for what, values in {
            "avoided": (rules.avoided, cosine.avoided),
            "wrong": (rules.wrong_share, cosine.wrong_share),
        }.items():
            measured[f"replay_{name}_{what}"] = METRICS[f"replay_{name}_{what}"].with_value(*values)
    return measured


if __name__ == "__main__":
    run("tests.evaluation", ("replay",), BUILD / "eval.json", ())
