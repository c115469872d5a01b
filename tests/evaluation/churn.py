"""Hit rate with one note change for every five questions.

A user with 732 devotional readings asks 300 catechism questions repeatedly, popular ones more
often. Selective invalidation is compared with dropping all answers. Each answer's sources are
compared with a search at that moment.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.container import Container
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.text.canonical_form import canonical_form
from tests.benchmarks.report import BUILD, Metric, run
from tests.evaluation.datasets import AVAILABLE, draw_popular
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

ASKED = 600
QUESTIONS_PER_CHANGE = 5
DIFFERENT = 300
_USER = "reader"

METRICS = {
    "churn_answers_avoided": Metric(unit="share of questions; naive: all dropped", floor=True),
    "churn_stale": Metric(unit="answers", budget=0),
}


@dataclass
class ReplayCounts:
    """The number of avoided generations and of stale answers."""

    avoided: int = 0
    stale: int = 0

    @property
    def share(self) -> float:
        """The share of questions without a generation."""
        return self.avoided / ASKED


async def replay(*, changing: bool = True, drop_all: bool = False) -> ReplayCounts:
    """Ask and change in turn; with `drop_all` every change drops all of the user's answers."""
    generator = random.Random(5)
    known = catechism_questions()[:DIFFERENT]
    asked = draw_popular(generator.sample(known, len(known)), ASKED, generator)
    notes = {reading["note_id"]: reading["text"] for reading in devotionals()}
    planned = changes(_USER, notes, ASKED // QUESTIONS_PER_CHANGE, generator)
    outcome = ReplayCounts()
    async with open_container() as container:
        await import_notes(container, _USER, notes)
        vectors = await EMBEDDER.questions(known)
        names = [canonical_form(question) for question in known]
        search = ExactSearch(
            dict(zip(names, vectors, strict=True)), container.settings.retrieved_chunks
        )
        current = search(await all_chunks(container, _USER))
        for number, question in enumerate(asked):
            if changing and number and number % QUESTIONS_PER_CHANGE == 0:
                await _change(container, next(planned)[1], drop_all=drop_all)
                current = search(await all_chunks(container, _USER))
            reply = await ask_through_cache(container, _USER, question)
            outcome.avoided += reply.tier == "l1"
            # A semantic match must be fresh for the question whose answer it is.
            source = canonical_form(reply.matched_question or reply.question.wording)
            outcome.stale += not same_sources(reply.sources, current[source])
    return outcome


async def _change(container: Container, change: NoteChanged, *, drop_all: bool) -> None:
    await container.freshness.note_changed(change)
    if drop_all:
        await container.freshness.note_changed(
            NoteChanged(
                user_id=_USER, operation=Operation.ALL_CHANGED, occurred_at=datetime.now(UTC)
            )
        )


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the three replays."""
    if not AVAILABLE:
        return METRICS
    replays = {
        "nothing changes": await replay(changing=False),
        "selective": await replay(),
        "all dropped": await replay(drop_all=True),
    }
    for name, outcome in replays.items():
        print(f"  {name:<16} avoided {outcome.share:.2%}   stale {outcome.stale}")
    avoided = METRICS["churn_answers_avoided"].with_value(
        replays["selective"].share, replays["all dropped"].share
    )
    stale = METRICS["churn_stale"].with_value(replays["selective"].stale)
    return {"churn_answers_avoided": avoided, "churn_stale": stale}


if __name__ == "__main__":
    run("tests.evaluation", ("churn",), BUILD / "eval.json", ())
