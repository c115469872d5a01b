"""Precision of invalidation: which cached answers a note change drops, and whether it must.

A user with 732 devotional readings has asked 300 catechism questions. After each of 50 changes
every question is searched again, and the result is compared with the cached answer's sources. Then
the change's message is delivered again, and an older one that the store refuses.
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
from tests.evaluation.datasets import AVAILABLE
from tests.evaluation.embedding_cache import EMBEDDER
from tests.evaluation.evaluation_container import (
    ExactSearch,
    all_chunks,
    ask_through_cache,
    import_notes,
    open_container,
    same_sources,
)
from tests.evaluation.note_changes import changes
from tests.support.data import catechism_questions, devotionals
from tests.support.full_stack import updated

QUESTIONS = 300
CHANGES = 50
_USER = "reader"
_HOUR = 3_600_000_000  # microseconds

METRICS = {
    "kept_after_change": Metric(unit="share of a user's answers", budget=0.95, floor=True),
    "kept_wrongly": Metric(unit="answers", budget=0),
    "dropped_needlessly": Metric(unit="share of dropped answers"),
    "dropped_by_repeated_changes": Metric(unit="answers", budget=0),
    "dropped_by_late_changes": Metric(unit="answers", budget=0),
}


@dataclass
class InvalidationCounts:
    """Counts of kept and dropped answers."""

    kept: list[float] = field(default_factory=list)
    by_kind: dict[str, list[float]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    without_effect: Counter[str] = field(default_factory=Counter)
    """Answers that repeated and late messages dropped or retained."""

    def add(self, kind: str, outcomes: Sequence[str]) -> None:
        """Add the outcome of one change for each cached answer."""
        self.answers.update(outcomes)
        share = sum(outcome.startswith("kept") for outcome in outcomes) / len(outcomes)
        self.kept.append(share)
        self.by_kind.setdefault(kind, []).append(share)


async def measure() -> InvalidationCounts:
    """Apply the changes in turn, and ask each dropped question again."""
    counts = InvalidationCounts()
    questions = catechism_questions()[:QUESTIONS]
    notes = {reading["note_id"]: reading["text"] for reading in devotionals()}
    async with open_container() as container:
        await import_notes(container, _USER, notes)
        vectors = await EMBEDDER.questions(questions)
        search = ExactSearch(
            dict(zip(questions, vectors, strict=True)), container.settings.retrieved_chunks
        )
        cached = search(await all_chunks(container, _USER))
        for question in questions:
            reply = await _ask(container, question)
            assert reply.stored
            assert same_sources(reply.sources, cached[question])
        for kind, change in changes(_USER, notes, CHANGES, random.Random(3)):
            await container.freshness.note_changed(change)
            current = search(await all_chunks(container, _USER))
            outcomes = [
                await _classify(container, question, cached, current) for question in questions
            ]
            counts.add(kind, outcomes)
            cached = current
            late = updated(_USER, change.note_id or "", "An earlier text.").at(
                change.changed_at - _HOUR
            )
            for arrival, message in (("repeated", change), ("late", late)):
                result = await container.freshness.note_changed(message)
                assert result.stored == (message is change)
                counts.without_effect[f"dropped {arrival}"] += result.dropped
                counts.without_effect[f"retained {arrival}"] += result.retained
    return counts


async def _ask(container: Container, question: str) -> Reply:
    """Ask without semantic matches, whose answers depend on another question's search."""
    return await ask_through_cache(container, _USER, question, exact=True)


async def _classify(
    container: Container,
    question: str,
    before: Mapping[str, Sequence[Source]],
    now: Mapping[str, Sequence[Source]],
) -> str:
    """Ask a question: a hit was kept, and a miss was dropped and is now cached again."""
    reply = await _ask(container, question)
    if reply.tier == "l1":
        return "kept rightly" if same_sources(reply.sources, now[question]) else "kept wrongly"
    return (
        "dropped needlessly" if same_sources(before[question], now[question]) else "dropped rightly"
    )


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the table."""
    if not AVAILABLE:
        return METRICS
    counts = await measure()
    for kind, kept in counts.by_kind.items():
        print(
            f"  {kind:<9} {len(kept):3} changes   kept {fmean(kept):.2%}, at least {min(kept):.2%}"
        )
    for outcome, count in sorted((counts.answers + counts.without_effect).items()):
        print(f"  {outcome:<19} {count:6}")
    rightly, needlessly = (counts.answers[f"dropped {how}"] for how in ("rightly", "needlessly"))
    # The naive design drops all of a user's answers after each change.
    values = {
        "kept_after_change": (fmean(counts.kept), 0.0),
        "kept_wrongly": (counts.answers["kept wrongly"], None),
        "dropped_needlessly": (needlessly / max(rightly + needlessly, 1), None),
        "dropped_by_repeated_changes": (counts.without_effect["dropped repeated"], None),
        "dropped_by_late_changes": (counts.without_effect["dropped late"], None),
    }
    return {name: METRICS[name].with_value(*given) for name, given in values.items()}


if __name__ == "__main__":
    run("tests.evaluation", ("invalidation_precision",), BUILD / "eval.json", ())
