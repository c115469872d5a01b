"""The mix of questions: 40 % asked before, 30 % reworded, 30 % new.

100 users with 30 readings each ask 20 questions about topics that people look up, the popular
ones more often. At best 70 % of the answers are avoided, for nobody has answered a new question;
and less as far as a rewording lies below the threshold: what cosine alone reaches bounds it.
"""

import random
from collections import Counter
from collections.abc import Iterator

from shared.container import Container
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.arms import ARMS, Asked, Outcome, replay, report
from tests.evaluation.embedding import EMBEDDER
from tests.evaluation.material import AVAILABLE, topics
from tests.evaluation.pipeline import import_notes, pipeline
from tests.evaluation.wordings import families
from tests.support.data import devotionals

USERS = 100
NOTES = 30
KINDS = {"repeated": 8, "reworded": 6, "new": 6}

METRICS = {
    "answers_avoided": Metric(unit="share of questions; naive: exact", budget=0.6, floor=True),
    "any_tier": Metric(unit="share of questions; naive: exact", budget=0.6, floor=True),
    "mix_wrong": Metric(unit="wrong answers a question; naive: cosine alone"),
}


def stream(user: str, generator: random.Random) -> Iterator[Asked]:
    """One user's questions in an order of chance, a new one first."""
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    kinds.remove("new")
    generator.shuffle(kinds)
    popular = _drawn_topics(generator)
    unused: dict[str, list[str]] = {}
    asked: list[Asked] = []
    for kind in ["new", *kinds]:
        if kind == "repeated":
            before = generator.choice(asked)
            yield Asked(user, before.text, before.means, kind)
            continue
        if kind == "new":
            topic = next(topic for topic in popular if topic not in unused)
            wordings = generator.choice(families(topic))
            unused[topic] = generator.sample(wordings, len(wordings))
        else:
            topic = generator.choice([topic for topic, wordings in unused.items() if wordings])
        asked.append(Asked(user, unused[topic].pop().format(topic), topic, kind))
        yield asked[-1]


def _drawn_topics(generator: random.Random) -> Iterator[str]:
    names, votes = zip(*topics(), strict=True)
    while True:
        yield from generator.choices(names, votes)


def mixed() -> list[Asked]:
    """Every user's questions, as they come in: one of each in turn."""
    generator = random.Random(7)
    of_each = [list(stream(f"user-{number}", generator)) for number in range(USERS)]
    return [asked for turn in zip(*of_each, strict=True) for asked in turn]


async def measure() -> dict[str, Outcome]:
    """Ask the mix in each of the three ways, each on a cold cache."""
    questions = mixed()
    await EMBEDDER.questions(asked.text for asked in questions)
    outcomes = {}
    for way in ARMS:
        async with pipeline() as container:
            await _import(container)
            outcomes[way] = await replay(container, way, questions)
    return outcomes


async def _import(container: Container) -> None:
    generator = random.Random(9)
    for number in range(USERS):
        readings = generator.sample(devotionals(), NOTES)
        notes = {reading["note_id"]: reading["text"] for reading in readings}
        await import_notes(container, f"user-{number}", notes)


def _by_kind(outcome: Outcome) -> None:
    tiers: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for asked, reply in outcome.replies:
        tiers[asked.kind][reply.match or reply.tier or "nothing"] += 1
    for kind, found in tiers.items():
        print(f"    {kind:<9} {_shares(found)}")
    missed = Counter(
        reply.match_refusal.partition(":")[0] if reply.match_refusal else "none near enough"
        for asked, reply in outcome.replies
        if asked.kind == "reworded" and reply.tier != "l1"
    )
    print(f"    rewordings missed, by reason: {_shares(missed)}")


def _shares(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count / counts.total():.1%}" for name, count in counts.most_common())


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the three ways and what became of each kind of question."""
    if not AVAILABLE:
        return METRICS
    outcomes = await measure()
    report(outcomes)
    _by_kind(outcomes["rules"])
    rules, exact, cosine = (outcomes[way] for way in ("rules", "exact", "cosine"))
    return {
        "answers_avoided": METRICS["answers_avoided"].with_value(rules.avoided, exact.avoided),
        "any_tier": METRICS["any_tier"].with_value(rules.any_tier, exact.any_tier),
        "mix_wrong": METRICS["mix_wrong"].with_value(rules.wrong_share, cosine.wrong_share),
    }


if __name__ == "__main__":
    run("tests.evaluation", ("mix",), BUILD / "eval.json", ())
