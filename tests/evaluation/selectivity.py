"""What one changed note costs a user: which of their cached answers go, and whether rightly so.

One user with 732 devotional readings has asked 300 catechism questions. After each of 50 changes
every cached question is searched anew and compared with what the cache still says.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from shared.container import Container
from shared.notes.note import Source
from shared.reply import Reply
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.changes import changes
from tests.evaluation.embedding import EMBEDDER
from tests.evaluation.material import AVAILABLE
from tests.evaluation.pipeline import (
    FreshSearch,
    all_chunks,
    ask_through_cache,
    import_notes,
    pipeline,
    same,
)
from tests.support.data import catechism_questions, devotionals

QUESTIONS = 300
CHANGES = 50
_USER = "reader"

METRICS = {
    "kept_after_change": Metric(unit="share of a user's answers", budget=0.95, floor=True),
    "kept_wrongly": Metric(unit="answers", budget=0),
    "dropped_needlessly": Metric(unit="share of dropped answers"),
}


@dataclass
class Tally:
    """What happened to the cached answers, change by change."""

    kept: list[float] = field(default_factory=list)
    by_kind: dict[str, list[float]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, fates: Sequence[str]) -> None:
        """Add one change: what became of each cached answer."""
        self.answers.update(fates)
        share = sum(fate.startswith("kept") for fate in fates) / len(fates)
        self.kept.append(share)
        self.by_kind.setdefault(kind, []).append(share)


async def measure() -> Tally:
    """Make the changes one after the other; what was dropped is asked again after each."""
    tally = Tally()
    questions = catechism_questions()[:QUESTIONS]
    notes = {reading["note_id"]: reading["text"] for reading in devotionals()}
    async with pipeline() as container:
        await import_notes(container, _USER, notes)
        vectors = await EMBEDDER.questions(questions)
        search = FreshSearch(
            dict(zip(questions, vectors, strict=True)), container.settings.retrieved_chunks
        )
        cached = search(await all_chunks(container, _USER))
        for question in questions:
            reply = await _ask(container, question)
            assert reply.stored
            assert same(reply.sources, cached[question])
        for kind, change in changes(_USER, notes, CHANGES, random.Random(3)):
            await container.freshness.note_changed(change)
            fresh = search(await all_chunks(container, _USER))
            fates = [await _fate(container, question, cached, fresh) for question in questions]
            tally.add(kind, fates)
            cached = fresh
    return tally


async def _ask(container: Container, question: str) -> Reply:
    """Ask for this question's own answer: another wording's rests on that one's search."""
    return await ask_through_cache(container, _USER, question, exact=True)


async def _fate(
    container: Container,
    question: str,
    before: Mapping[str, Sequence[Source]],
    now: Mapping[str, Sequence[Source]],
) -> str:
    """Ask once: a hit was kept, a miss had been dropped and is cached again by this."""
    reply = await _ask(container, question)
    if reply.tier == "l1":
        return "kept rightly" if same(reply.sources, now[question]) else "kept wrongly"
    return "dropped needlessly" if same(before[question], now[question]) else "dropped rightly"


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the table."""
    if not AVAILABLE:
        return METRICS
    tally = await measure()
    for kind, kept in tally.by_kind.items():
        print(
            f"  {kind:<9} {len(kept):3} changes   kept {fmean(kept):.2%}, at least {min(kept):.2%}"
        )
    for fate, count in sorted(tally.answers.items()):
        print(f"  {fate:<19} {count:6}")
    rightly, needlessly = (tally.answers[f"dropped {how}"] for how in ("rightly", "needlessly"))
    # The naive design drops all of a user's answers whenever one of their notes changes.
    values = {
        "kept_after_change": (fmean(tally.kept), 0.0),
        "kept_wrongly": (tally.answers["kept wrongly"], None),
        "dropped_needlessly": (needlessly / max(rightly + needlessly, 1), None),
    }
    return {name: METRICS[name].with_value(*given) for name, given in values.items()}


if __name__ == "__main__":
    run("tests.evaluation", ("selectivity",), BUILD / "eval.json", ())
