"""Answers avoided with one note change for every five questions, without and with warming.

A user with 732 devotional readings asks 300 catechism questions repeatedly, popular ones more
often. Selective invalidation is compared with dropping all answers. Each answer's sources are
compared with a search at that moment. With warming, the dropped answers are generated again before
the next question.

A warmed answer is *used* if a request gets it, and *unused* if a change drops it before. It is
*undecided* if neither has happened at the end of the replay, which is long so that few are.

The latency of questions is measured while warming runs at the same time, in replays that alternate
with replays without warming.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple

from shared.cache.index_entries import decode_index
from shared.cache.keyspace import UserKeys
from shared.cache.parse_replies import hash_items
from shared.cache.redis.commands import Command
from shared.container import Container
from shared.generation_settings import IN_PROCESS
from shared.inference.ports import Completion
from shared.notes.messages.note_changed import NoteChanged, Operation
from shared.notes.note import Source
from shared.reply import Reply
from shared.semantic_match import SemanticMatcher
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
from tests.support.interleaving.adapters import CachingPairModel

ASKED = 2_400
QUESTIONS_PER_CHANGE = 5
DIFFERENT = 300
SEEDS = 6, 7, 8
"""Of the measured streams. The defaults of warming were selected on the streams 1 and 2."""
LATENCY_ASKED = 300
_USER = "reader"
_ANSWER_SECONDS = 0.05
_DAILY_BUDGET = 100_000  # the replay has the changes of months in a day

REPLAYS: Mapping[str, Mapping[str, Any]] = {
    "no changes": {"changing": False},
    "off": {},
    "popular": {"warming": "popular"},
    "all": {"warming": "all"},
}

_USED = "share of the warmed answers that are decided"
_LOST = "points of answers avoided, to no changes"

METRICS = {
    "churn_answers_avoided": Metric(unit="share of questions; naive: all dropped", floor=True),
    "churn_stale": Metric(unit="answers", budget=0),
    "churn_off_points_lost": Metric(unit=_LOST),
    "churn_popular_points_lost": Metric(unit=_LOST, budget=2.0),
    "churn_all_points_lost": Metric(unit=_LOST, budget=2.0),
    "churn_popular_used": Metric(unit=_USED, budget=0.7, floor=True),
    "churn_all_used": Metric(unit=_USED, floor=True),
    "churn_popular_calls": Metric(unit="generations of warming for each wait that it avoids"),
    "churn_warmed_p95": Metric(unit="P95 of questions during warming / without", budget=1.1),
    "churn_warmed_hit_p95": Metric(unit="P95 of hits during warming / without"),
}


class Stream(NamedTuple):
    """Questions of a user and changes of their notes, drawn from a seed."""

    seed: int
    asked: int = ASKED

    def questions(self) -> list[str]:
        """Draw the questions."""
        generator = random.Random(self.seed)
        known = catechism_questions()[:DIFFERENT]
        return draw_popular(generator.sample(known, len(known)), self.asked, generator)

    def changes(self, notes: Mapping[str, str]) -> Iterator[NoteChanged]:
        """Draw each change when it is applied, so that its time is then."""
        generator = random.Random(1_000 + self.seed)
        drawn = changes(_USER, notes, self.asked // QUESTIONS_PER_CHANGE, generator)
        return (change for _, change in drawn)


@dataclass
class ReplayCounts:
    """The effect of the cache and of warming on a stream.

    `undecided` are warmed answers in the cache at the end that no request has got. `warming_cost`
    and `saved_cost`, that of the used answers, are in US dollars. `latencies` of questions are in
    seconds, those of hits are also in `hit_latencies`.
    """

    asked: int
    avoided: int = 0
    stale: int = 0
    warmed: int = 0
    used: int = 0
    undecided: int = 0
    warming_cost: float = 0.0
    saved_cost: float = 0.0
    latencies: list[float] = field(default_factory=list)
    hit_latencies: list[float] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of questions without a generation."""
        return self.avoided / self.asked

    @property
    def used_share(self) -> float:
        """The share of used answers among the warmed ones that are decided."""
        return self.used / max(1, self.warmed - self.undecided)

    def __add__(self, other: "ReplayCounts") -> "ReplayCounts":
        """Return the counts of both."""
        names = [each.name for each in fields(self)]
        return ReplayCounts(*(getattr(self, name) + getattr(other, name) for name in names))


class SlowAnswerer(QuotingAnswerer):
    """Takes as long as a fast language model."""

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        await asyncio.sleep(_ANSWER_SECONDS)
        return await super().answer(question, sources)


async def replay(
    stream: Stream,
    *,
    warming: str = "off",
    changing: bool = True,
    drop_all: bool = False,
    slow: bool = False,
    **settings: Any,
) -> ReplayCounts:
    """Ask and change in turn; with `drop_all` every change drops all of the user's answers.

    With `slow`, the answerer takes time, no question waits for the end of warming, and sources are
    not compared. `settings` replace the defaults.
    """
    notes = {reading["note_id"]: reading["text"] for reading in devotionals()}
    planned, asked = stream.changes(notes), stream.questions()
    counts = ReplayCounts(len(asked))
    async with open_container(
        warming=warming, warm_queue_url=IN_PROCESS, warm_daily_budget=_DAILY_BUDGET, **settings
    ) as container:
        matcher = SemanticMatcher(container.settings, None, CachingPairModel)
        container.override(semantic_matcher=matcher, answerer=SlowAnswerer() if slow else None)
        await import_notes(container, _USER, notes)
        search = await _exact_search(container)
        for start in range(0, len(asked), QUESTIONS_PER_CHANGE):
            if changing and start:
                await _change(container, next(planned), drop_all=drop_all)
            if not slow:
                await container.warming_tasks.wait()
            replies = []
            for question in asked[start : start + QUESTIONS_PER_CHANGE]:
                began = time.perf_counter()
                replies.append(await ask_through_cache(container, _USER, question))
                counts.latencies.append(time.perf_counter() - began)
                if replies[-1].tier == "l1":
                    counts.avoided += 1
                    counts.hit_latencies.append(counts.latencies[-1])
            if not slow:
                counts.stale += await _count_stale(container, replies, search)
        await container.warming_tasks.wait()
        await _add_warming(container, counts)
    return counts


async def _exact_search(container: Container) -> ExactSearch:
    known = catechism_questions()[:DIFFERENT]
    vectors = await EMBEDDER.questions(known)
    names = map(canonical_form, known)
    return ExactSearch(dict(zip(names, vectors, strict=True)), container.settings.retrieved_chunks)


async def _change(container: Container, change: NoteChanged, *, drop_all: bool) -> None:
    await container.freshness.note_changed(change)
    if drop_all:
        await container.freshness.note_changed(
            NoteChanged(
                user_id=_USER, operation=Operation.ALL_CHANGED, occurred_at=datetime.now(UTC)
            )
        )


async def _count_stale(container: Container, replies: Sequence[Reply], search: ExactSearch) -> int:
    """Count replies whose sources are not those of a search in the current notes."""
    # A semantic match must be fresh for the question whose answer it is.
    asked = [canonical_form(each.matched_question or each.question.wording) for each in replies]
    current = search(await all_chunks(container, _USER), set(asked))
    return sum(
        not same_sources(reply.sources, current[question])
        for reply, question in zip(replies, asked, strict=True)
    )


async def _add_warming(container: Container, counts: ReplayCounts) -> None:
    await container.pending_counters.flush(container.background_redis_client)
    totals = (await container.counter_reader.read_snapshot()).total
    counts.warmed, counts.used = totals["warmed_answers"], totals["warmed_used"]
    counts.warming_cost, counts.saved_cost = totals.warming_cost, totals.warming_saved
    questions = UserKeys.of(_USER).questions
    (reply,) = await container.background_redis_client.execute(Command.of("HGETALL", questions))
    entries = decode_index(hash_items(reply)).values()
    counts.undecided = sum(entry is not None and entry.is_unused for entry in entries)


async def compare_latencies() -> tuple[ReplayCounts, ReplayCounts]:
    """Measure questions without and with warming, in turn, because the machine's load varies."""
    off = popular = ReplayCounts(0)
    for seed in SEEDS:
        stream = Stream(seed, LATENCY_ASKED)
        off += await replay(stream, slow=True)
        popular += await replay(stream, warming="popular", slow=True)
    return off, popular


async def collect_metrics() -> dict[str, Metric]:
    """Measure, and print the replays."""
    if not AVAILABLE:
        return METRICS
    replays = dict.fromkeys(REPLAYS, ReplayCounts(0))
    for seed in SEEDS:
        of_stream = {name: await replay(Stream(seed), **given) for name, given in REPLAYS.items()}
        replays = {name: replays[name] + counts for name, counts in of_stream.items()}
        print_replays(f"stream {seed}", of_stream)
    print_replays("all streams", replays)
    naive = await replay(Stream(SEEDS[0]), drop_all=True)
    print(f"  stream {SEEDS[0]}, all dropped: avoided {naive.share:.2%}   stale {naive.stale}")
    off, popular = await compare_latencies()
    for name in ("latencies", "hit_latencies"):
        during, without = 1e3 * _p95(popular, name), 1e3 * _p95(off, name)
        print(f"  P95 of {name}: {during:.1f} ms during warming, {without:.1f} ms without")
    waits = replays["popular"].avoided - replays["off"].avoided
    values: dict[str, tuple[float, float | None]] = {
        "churn_answers_avoided": (replays["off"].share, naive.share),
        "churn_stale": (naive.stale + sum(counts.stale for counts in replays.values()), None),
        "churn_popular_calls": (replays["popular"].warmed / max(1, waits), None),
        "churn_warmed_p95": (_p95(popular, "latencies") / _p95(off, "latencies"), None),
        "churn_warmed_hit_p95": (_p95(popular, "hit_latencies") / _p95(off, "hit_latencies"), None),
    }
    for name in ("off", "popular", "all"):
        lost = 100 * (replays["no changes"].share - replays[name].share)
        values[f"churn_{name}_points_lost"] = (lost, None)
    for name in ("popular", "all"):
        values[f"churn_{name}_used"] = (replays[name].used_share, None)
    return {name: METRICS[name].with_value(*value) for name, value in values.items()}


def print_replays(title: str, replays: Mapping[str, ReplayCounts]) -> None:
    """Print what each replay avoided, and what warming cost and saved."""
    print(f"  {title}")
    waited = replays["off"].asked - replays["off"].avoided
    for name, counts in replays.items():
        print(f"    {name:<12} avoided {counts.share:.2%}   stale {counts.stale}")
        if not counts.warmed:
            continue
        dropped = counts.warmed - counts.used - counts.undecided
        generated = counts.warmed + counts.asked - counts.avoided
        print(
            f"    {'':<12} {counts.warmed} warmed: {counts.used} used, {dropped} dropped before,"
            f" {counts.undecided} undecided; used {counts.used_share:.1%} of the decided,"
            f" {counts.used / counts.warmed:.1%} of all\n"
            f"    {'':<12} {waited - counts.asked + counts.avoided} of {waited} waits avoided;"
            f" {generated} generations, {waited} without warming; warming cost"
            f" ${counts.warming_cost:.4f}, its used answers ${counts.saved_cost:.4f}",
            flush=True,
        )


def _p95(counts: ReplayCounts, name: str) -> float:
    seconds: list[float] = sorted(getattr(counts, name))
    return seconds[int(0.95 * len(seconds))]


if __name__ == "__main__":
    run("tests.evaluation", ("churn",), BUILD / "eval.json", ())
