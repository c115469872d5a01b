"""The ten-question test that Tercet was first given, stated honestly.

Four questions are repetitions or their originals, three reword, three are new. On a cold cache
five of the ten must be answered anew whatever the design: the two originals and the three new
ones. So half is the best that a cold cache can reach, not the 60 % that the test asked for.
At the threshold of 0.85 it is four: "Explain faith to me" lies at 0.82 from "What is faith?".
"""

from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.arms import ARMS, Asked, replay, report
from tests.evaluation.material import AVAILABLE
from tests.evaluation.pipeline import import_notes, pipeline
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
    "ten_questions_again": Metric(unit="share avoided when all are asked once more"),
}


async def collect_metrics() -> dict[str, Metric]:
    """Ask the ten on a cold cache, in each way, and then once more."""
    if not AVAILABLE:
        return METRICS
    stream = [
        Asked("one", text, means)
        for text, (means, times) in QUESTIONS.items()
        for _ in range(times)
    ]
    notes = {reading["note_id"]: reading["text"] for reading in devotionals()[:_NOTES]}
    cold, warm = {}, {}
    for way in ARMS:
        async with pipeline() as container:
            await import_notes(container, "one", notes)
            cold[way] = await replay(container, way, stream)
            warm[way] = await replay(container, way, stream)
    report(cold)
    for asked, reply in cold["rules"].replies:
        print(f"    {asked.text:<24} {reply.match or reply.match_refusal or 'new'}")
    measured = {
        "ten_questions_avoided": (cold["rules"].avoided, cold["exact"].avoided),
        "ten_questions_any_tier": (cold["rules"].any_tier, cold["exact"].any_tier),
        "ten_questions_again": (warm["rules"].avoided, warm["exact"].avoided),
    }
    return {name: METRICS[name].with_value(*values) for name, values in measured.items()}


if __name__ == "__main__":
    run("tests.evaluation", ("seed_questions",), BUILD / "eval.json", ())
