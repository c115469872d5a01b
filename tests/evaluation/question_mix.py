"""A mix of questions: 40 % repeated, 30 % reworded and 30 % new.

100 users with 30 readings each ask 20 questions about topics, popular ones more often. At most 70 %
of the generations can be avoided, and fewer if rewordings are below the threshold. The hit rate of
cosine alone is the upper bound.
"""

import random
from collections import Counter
from collections.abc import Iterator

from shared.container import Container
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.datasets import AVAILABLE, topics
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import import_notes, open_container
from tests.evaluation.matching_strategies import PRODUCT, STRATEGIES, Asked, Outcome, replay, report
from tests.evaluation.question_templates import families
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
    """Yield a user's questions in random order, with a new one first."""
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    kinds.remove("new")
    generator.shuffle(kinds)
    popular = _drawn_topics(generator)
    unused: dict[str, list[str]] = {}
    asked: list[Asked] = []
    for kind in ["new", *kinds]:
        if kind == "repeated":
            before = generator.choice(asked)
            yield Asked(user, before.text, before.meaning, kind)
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
    """Return all users' questions, one of each user in turn."""
    generator = random.Random(7)
    of_each = [list(stream(f"user-{number}", generator)) for number in range(USERS)]
    return [asked for round_ in zip(*of_each, strict=True) for asked in round_]


async def measure() -> dict[str, Outcome]:
    """Ask the mix with each strategy on a cold cache."""
    questions = mixed()
    await EMBEDDER.questions(asked.text for asked in questions)
    outcomes = {}
    for strategy in STRATEGIES:
        async with open_container() as container:
            await _import(container)
            outcomes[strategy] = await replay(container, strategy, questions)
    return outcomes


async def _import(container: Container) -> None:
    generator = random.Random(9)
    for number in range(USERS):
        readings = generator.sample(devotionals(), NOTES)
        notes = {reading["note_id"]: reading["text"] for reading in readings}
        await import_notes(container, f"user-{number}", notes)


def _print_kinds(outcome: Outcome) -> None:
    tiers: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for asked, reply in outcome.replies:
        tiers[asked.kind][reply.match or reply.tier or "none"] += 1
    for kind, found in tiers.items():
        print(f"    {kind:<9} {_shares(found)}")
    missed = Counter(
        reply.match_rejection.partition(":")[0] if reply.match_rejection else "no candidate"
        for asked, reply in outcome.replies
        if asked.kind == "reworded" and reply.tier != "l1"
    )
    print(f"    rewordings missed, by reason: {_shares(missed)}")


def _shares(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count / counts.total():.1%}" for name, count in counts.most_common())


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the strategies and the tiers of each kind of question."""
    if not AVAILABLE:
        return METRICS
    outcomes = await measure()
    report(outcomes)
    _print_kinds(outcomes[PRODUCT])
    product, exact, cosine = (outcomes[strategy] for strategy in (PRODUCT, "exact", "cosine"))
    return {
        "answers_avoided": METRICS["answers_avoided"].with_value(product.avoided, exact.avoided),
        "any_tier": METRICS["any_tier"].with_value(product.any_tier, exact.any_tier),
        "mix_wrong": METRICS["mix_wrong"].with_value(product.wrong_share, cosine.wrong_share),
    }


if __name__ == "__main__":
    run("tests.evaluation", ("question_mix",), BUILD / "eval.json", ())
