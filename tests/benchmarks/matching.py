"""Measures the cost of matching a question with cached questions."""

import csv
from collections.abc import Mapping
from itertools import cycle

import numpy as np

from shared.cache import index_entries, matchable_entries
from shared.cache.results import MissContext
from shared.cache.session import CacheSession
from shared.matching.candidates import find_candidates
from shared.matching.decision import decide
from shared.matching.tokens.tokenize import tokenize
from shared.semantic_match import SemanticMatcher, pair_model_loader
from shared.settings import Settings
from shared.vectors import Vector, canonical, cosines
from tests.benchmarks.report import Metric
from tests.benchmarks.timing import interleave
from tests.benchmarks.workload import PIPELINE
from tests.support.data import DATA

METRICS = {
    "rules_us": Metric(unit="us a pair"),
    "candidate_ms": Metric(unit="ms, of 500", budget=1.0),
    "matching_ms": Metric(unit="ms a miss, of 500, vetoed"),
    "semantic_miss_ms": Metric(
        unit="ms a miss, of 500, three candidates by the model", budget=50.0
    ),
}
_PAIRS = DATA / "pairs" / "catechism_hard_negatives.tsv"
_CACHED = 500
_QUESTION = "How do I prepare for the meeting with the elders?"
_OTHERS = (
    "Why do the elders have a meeting every month?",
    "Why do we prepare the elders for a meeting?",
    "Where can I find the list of elders for the meeting?",
)
"""Questions that no veto rejects, and that the pair model does."""


def _answered(question: str, vector: Vector) -> bytes:
    """Return the encoded entry of a question with an answer."""
    entry = index_entries.new_entry(question, vector, (), pipeline=PIPELINE, settings=Settings())
    ends = entry.expires + Settings().answer_ttl
    kind = index_entries.ANSWER
    return index_entries.encode(entry._replace(kind=kind, expires=ends, latest_expiry=ends))


def _miss_context(index: Mapping[str, bytes]) -> MissContext:
    items = [(field.encode(), entry) for field, entry in index.items()]
    return MissContext(matchable_entries=matchable_entries.select(items, "", PIPELINE))


async def collect_metrics() -> Mapping[str, Metric]:
    """Measure the decision on real hard negatives, among 500 cached questions."""
    if not _PAIRS.exists():
        return METRICS
    with _PAIRS.open(encoding="utf-8", newline="") as file:
        pairs = [
            (row["a"].lower(), row["b"].lower()) for row in csv.DictReader(file, delimiter="\t")
        ]
    draws = np.random.default_rng(4)
    vectors = [canonical(draw) for draw in draws.standard_normal((_CACHED, PIPELINE.dimensions))]
    candidates = {
        str(number): _answered(pairs[number % len(pairs)][1], vector)
        for number, vector in enumerate(vectors)
    }
    rows, numbered_pairs = np.stack(vectors), cycle(enumerate(pairs))
    context = _miss_context(candidates)
    matcher = SemanticMatcher(Settings())
    # Without Redis: a rejected candidate is not read.
    session = CacheSession(None, Settings(), user_id="1", question="a question", pipeline=PIPELINE)

    async def apply_rules() -> None:
        tokenize.cache_clear()
        decide(*next(numbered_pairs)[1])

    async def search() -> None:
        find_candidates(cosines(vectors[next(numbered_pairs)[0]], rows), 0.85)

    async def find_match() -> None:
        """Find the nearest question, and reject it."""
        tokenize.cache_clear()
        number, (question, _) = next(numbered_pairs)
        match = await matcher.match(question, vectors[number], (), context, session)
        if not match.rejection:
            raise RuntimeError("a different question was not rejected")

    near = {f"near {number}": _answered(other, vectors[0]) for number, other in enumerate(_OTHERS)}
    others = {field: entry for field, entry in candidates.items() if field != "0"}
    near_context = _miss_context(others | near)
    by_model = SemanticMatcher(Settings(), None, pair_model_loader(Settings()))

    async def find_match_by_model() -> None:
        match = await by_model.match(_QUESTION, vectors[0], (), near_context, session)
        if not match.rejection:
            raise RuntimeError("a different question was not rejected")

    watch = await interleave(
        {"rules": apply_rules, "candidate": search, "match": find_match}, rounds=20, each=100
    )
    slow = await interleave({"semantic miss": find_match_by_model}, rounds=10, each=3)
    seconds = {side: watch.median(side) or 0.0 for side in ("rules", "candidate", "match")}
    return {
        "rules_us": METRICS["rules_us"].with_value(seconds["rules"] * 1e6),
        "candidate_ms": METRICS["candidate_ms"].with_value(seconds["candidate"] * 1e3),
        "matching_ms": METRICS["matching_ms"].with_value(seconds["match"] * 1e3),
        "semantic_miss_ms": METRICS["semantic_miss_ms"].with_value(
            (slow.median("semantic miss") or 0.0) * 1e3
        ),
    }
