"""What the record of a question counts."""

from dataclasses import replace

import pytest

from functions.ask.metrics import question_metrics
from shared.answer import Answer
from shared.question import Question
from shared.reply import Reply

ANSWER = Answer("id", "text", "model", 1, cost=0.002)
QUESTION = Question.parse("What is faith?")


def reply(tier: str | None = None, match: str | None = None, cache: str = "ok") -> Reply:
    return Reply(QUESTION, ANSWER, (), tier, match, cache)


@pytest.mark.parametrize(
    ("given", "tier", "hits", "cost"),
    [
        (reply("l1", "exact"), "exact", (1, 1), (0.002, 0)),
        (reply("l1", "semantic"), "semantic", (1, 1), (0.002, 0)),
        (replace(reply("l1", "exact"), coalesced=True), "coalesced", (1, 1), (0.002, 0)),
        (reply("l3"), "l3", (0, 1), (0, 0.002)),
        (reply("l2"), "l2", (0, 1), (0, 0.002)),
        (reply(), "none", (0, 0), (0, 0.002)),
        (replace(reply("l1", "exact"), stale=True), "stale", (0, 0), (0, 0)),
        (replace(reply(), extractive=True), "extractive", (0, 0), (0, 0)),
        (Reply(QUESTION, None, (), None, None, "ok"), "no_notes", (0, 0), (0, 0)),
        (None, "failed", (0, 0), (0, 0)),
    ],
)
def test_each_way_counts_as_the_caches_own_counters_have_it(
    given: Reply | None, tier: str, hits: tuple[int, int], cost: tuple[float, float]
) -> None:
    counted = question_metrics(given, breakers="closed")
    assert (counted["Questions"], counted["Outcome"]) == (1, tier)
    assert (counted["AnswersAvoided"], counted["AnyTierHits"]) == hits
    assert (counted["CostSaved"], counted["CostSpent"]) == cost
    assert counted["Stale"] == int(tier == "stale")
    assert counted["ExtractiveFallback"] == int(tier == "extractive")


def test_an_outage_of_the_cache_and_an_open_breaker_are_counted() -> None:
    counted = question_metrics(reply(cache="unavailable"), breakers="half-open")
    assert (counted["CacheUnavailable"], counted["BreakerOpen"]) == (1, 1)
    counted = question_metrics(reply(cache="off"), breakers="closed")
    assert (counted["CacheUnavailable"], counted["BreakerOpen"]) == (0, 0)
