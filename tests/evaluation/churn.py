"""Hit rate with one note change for every five questions, without and with warming.

A user with 732 devotional readings asks 300 catechism questions repeatedly, popular ones more
often. Selective invalidation is compared with dropping all answers. Each answer's sources are
compared with a search at that moment. With warming, the dropped answers are generated again before
the next question; the latency of questions is measured while that happens at the same time.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.cache.index_entries import decode_index
from shared.cache.keyspace import UserKeys
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command
from shared.cache.stats_snapshot import PeriodStats
from shared.container import Container
from shared.generation_settings import IN_PROCESS
from shared.inference.ports import Completion
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.notes.note import Source
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
from tests.support.full_stack import QuotingAnswerer

ASKED = 600
QUESTIONS_PER_CHANGE = 5
DIFFERENT = 300
_USER = "reader"
_ANSWER_SECONDS = 0.05
_DAILY_BUDGET = 1_000  # the replay has the changes of weeks in a day

METRICS = {
    "churn_answers_avoided": Metric(unit="share of questions; naive: all dropped", floor=True),
    "churn_stale": Metric(unit="answers", budget=0),
    "churn_popular_points_lost": Metric(unit="points of answers avoided, to no changes"),
    "churn_popular_used": Metric(unit="share of the warmed answers", floor=True),
    "churn_all_points_lost": Metric(unit="points of answers avoided, to no changes", budget=2.0),
    "churn_all_used": Metric(unit="share of the warmed answers", floor=True),
    "churn_warmed_p95": Metric(unit="P95 of questions during warming / without", budget=1.1),
}


@dataclass
class ReplayCounts:
    """The number of avoided generations and of stale answers, and what warming did.

    `unused` are warmed answers that are in the cache at the end: they may still be used.
    `seconds` are the latencies of the questions.
    """

    avoided: int = 0
    stale: int = 0
    unused: int = 0
    seconds: list[float] = field(default_factory=list)
    totals: PeriodStats = field(default_factory=lambda: PeriodStats({}))

    @property
    def share(self) -> float:
        """The share of questions without a generation."""
        return self.avoided / ASKED

    @property
    def used(self) -> float:
        """The share of used answers among warmed ones that were used or have ended."""
        return self.totals["warmed_used"] / max(1, self.totals["warmed_answers"] - self.unused)

    @property
    def p95(self) -> float:
        """The 95th percentile of the latencies, in seconds."""
        return sorted(self.seconds)[int(0.95 * len(self.seconds))]


class SlowAnswerer(QuotingAnswerer):
    """Takes as long as a fast language model."""

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        await asyncio.sleep(_ANSWER_SECONDS)
        return await super().answer(question, sources)


async def replay(
    *, changing: bool = True, drop_all: bool = False, warming: str = "off", slow: bool = False
) -> ReplayCounts:
    """Ask and change in turn; with `drop_all` every change drops all of the user's answers.

    With `slow`, the answerer takes time, no question waits for the end of warming, and sources are
    not compared.
    """
    generator = random.Random(5)
    known = catechism_questions()[:DIFFERENT]
    asked = draw_popular(generator.sample(known, len(known)), ASKED, generator)
    notes = {reading["note_id"]: reading["text"] for reading in devotionals()}
    planned = changes(_USER, notes, ASKED // QUESTIONS_PER_CHANGE, generator)
    outcome = ReplayCounts()
    async with open_container(
        warming=warming,
        warm_queue_url=IN_PROCESS,
        warm_daily_budget=_DAILY_BUDGET,
    ) as container:
        container.override(answerer=SlowAnswerer() if slow else None)
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
                if not slow:
                    await container.warming_tasks.wait()
                    current = search(await all_chunks(container, _USER))
            began = time.perf_counter()
            reply = await ask_through_cache(container, _USER, question)
            outcome.seconds.append(time.perf_counter() - began)
            outcome.avoided += reply.tier == "l1"
            # A semantic match must be fresh for the question whose answer it is.
            source = canonical_form(reply.matched_question or reply.question.wording)
            if not slow:
                outcome.stale += not same_sources(reply.sources, current[source])
        await container.warming_tasks.wait()
        await container.pending_counters.flush(container.background_redis_client)
        outcome.totals = (await container.counter_reader.read_snapshot()).total
        outcome.unused = await _count_unused(container)
    return outcome


async def _count_unused(container: Container) -> int:
    questions = UserKeys.of(_USER).questions
    (reply,) = await container.background_redis_client.execute(Command.of("HGETALL", questions))
    entries = decode_index(hash_items(reply)).values()
    return sum(entry is not None and entry.is_warmed and not entry.hits for entry in entries)


async def _change(container: Container, change: NoteChanged, *, drop_all: bool) -> None:
    await container.freshness.note_changed(change)
    if drop_all:
        await container.freshness.note_changed(
            NoteChanged(
                user_id=_USER, operation=Operation.ALL_CHANGED, occurred_at=datetime.now(UTC)
            )
        )


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the replays."""
    if not AVAILABLE:
        return METRICS
    replays = {
        "nothing changes": await replay(changing=False),
        "selective": await replay(),
        "popular warmed": await replay(warming="popular"),
        "all warmed": await replay(warming="all"),
        "all dropped": await replay(drop_all=True),
    }
    for name, outcome in replays.items():
        print(f"  {name:<16} avoided {outcome.share:.2%}   stale {outcome.stale}")
        totals = outcome.totals
        if totals["warmed_answers"]:
            print(
                f"  {'':<16} {totals['warmed_answers']} warmed, {totals['warmed_used']} used,"
                f" {outcome.unused} may still be used; cost ${totals.warming_cost:.5f}, of used"
                f" ones ${totals.warming_saved:.5f}, of all generations ${totals.cost_spent:.5f}"
            )
    without, during = await replay(slow=True), await replay(slow=True, warming="popular")
    print(
        f"  P95 of questions, answers take {1e3 * _ANSWER_SECONDS:.0f} ms:"
        f" {1e3 * during.p95:.1f} ms during warming, {1e3 * without.p95:.1f} ms without"
    )
    values: dict[str, tuple[float, float | None]] = {
        "churn_answers_avoided": (replays["selective"].share, replays["all dropped"].share),
        "churn_stale": (sum(outcome.stale for outcome in replays.values()), None),
        "churn_warmed_p95": (during.p95 / without.p95, None),
    }
    for name in ("popular", "all"):
        outcome = replays[f"{name} warmed"]
        lost = 100 * (replays["nothing changes"].share - outcome.share)
        values |= {
            f"churn_{name}_points_lost": (lost, None),
            f"churn_{name}_used": (outcome.used, None),
        }
    return {name: METRICS[name].with_value(*value) for name, value in values.items()}


if __name__ == "__main__":
    run("tests.evaluation", ("churn",), BUILD / "eval.json", ())
