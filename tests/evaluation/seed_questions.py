"""The ten-question test of the original request.

Four questions are originals and their repetitions, three are rewordings and three are new. On a
cold cache the two originals and the three new ones need a generation in every design. So the best
possible hit rate is 50 %, and not the required 60 %. With the threshold of 0.85 it is 40 %, because
"Explain faith to me" has a cosine of 0.82 with "What is faith?".
"""

from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.datasets import AVAILABLE
from tests.evaluation.evaluation_container import import_notes, open_container
from tests.evaluation.matching_strategies import PRODUCT, STRATEGIES, Asked, replay, report
from tests.support.data import devotionals

QUESTIONS = {
    "What is faith?": ("faith", 2),
    "What is grace?": ("grace", 2),
    "Define faith": ("faith", 1),
    "Explain faith to me": ("faith", 1),
    "What does grace mean?": ("grace", 1),
    "What is salvation?": ("salvation", 1),
    "Explain forgiveness": ("forgiveness", 1),
    "What is repentance?": ("repentance", 1),
}
COLD_AT_BEST = 0.5
_NOTES = 60

METRICS = {
    "ten_questions_avoided": Metric(unit=f"share, cold; at best {COLD_AT_BEST}; naive: exact"),
    "ten_questions_any_tier": Metric(unit=f"share, cold; at best {COLD_AT_BEST}; naive: exact"),
    "ten_questions_again": Metric(unit="share avoided when all are asked again"),
}


async def collect_metrics() -> dict[str, Metric]:
    """Ask the ten questions twice with each strategy, first on a cold cache."""
    if not AVAILABLE:
        return METRICS
    stream = [
        Asked("one", text, meaning)
        for text, (meaning, times) in QUESTIONS.items()
        for _ in range(times)
    ]
    notes = {reading["note_id"]: reading["text"] for reading in devotionals()[:_NOTES]}
    cold, warm = {}, {}
    for strategy in STRATEGIES:
        async with open_container() as container:
            await import_notes(container, "one", notes)
            cold[strategy] = await replay(container, strategy, stream)
            warm[strategy] = await replay(container, strategy, stream)
    report(cold)
    for asked, reply in cold[PRODUCT].replies:
        print(f"    {asked.text:<24} {reply.match or reply.match_rejection or 'new'}")
    measured = {
        "ten_questions_avoided": (cold[PRODUCT].avoided, cold["exact"].avoided),
        "ten_questions_any_tier": (cold[PRODUCT].any_tier, cold["exact"].any_tier),
        "ten_questions_again": (warm[PRODUCT].avoided, warm["exact"].avoided),
    }
    return {name: METRICS[name].with_value(*values) for name, values in measured.items()}


if __name__ == "__main__":
    run("tests.evaluation", ("seed_questions",), BUILD / "eval.json", ())
