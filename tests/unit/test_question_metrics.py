"""Metrics of one question."""

from dataclasses import replace

import pytest

from functions.ask.metrics import question_metrics
from shared.answer import Answer
from shared.question import Question
from shared.reply import Reply

ANSWER = Answer("id", "text", "model", 1, cost=0.002)
QUESTION = Question.parse("What is faith?")


def reply(tier: str | None = None, match: str | None = None, cache: str = "ok") -> Reply:
    return Reply(QUESTION, ANSWER, (), cache, tier=tier, match=match)


@pytest.mark.parametrize(
    ("given", "outcome", "hits", "cost"),
    [
        (reply("l1", "exact"), "exact", (1, 1), (0.002, 0)),
        (reply("l1", "semantic"), "semantic", (1, 1), (0.002, 0)),
        (replace(reply("l1", "exact"), coalesced=True), "coalesced", (1, 1), (0.002, 0)),
        (reply("l3"), "l3", (0, 1), (0, 0.002)),
        (reply("l2"), "l2", (0, 1), (0, 0.002)),
        (reply(), "none", (0, 0), (0, 0.002)),
        (replace(reply("l1", "exact"), stale=True), "stale", (0, 0), (0, 0)),
        (replace(reply(), extractive=True), "extractive", (0, 0), (0, 0)),
        (Reply.no_notes(QUESTION, "ok"), "no_notes", (0, 0), (0, 0)),
        (None, "failed", (0, 0), (0, 0)),
    ],
)
def test_each_outcome_counts_as_in_the_cache_counters(
    given: Reply | None, outcome: str, hits: tuple[int, int], cost: tuple[float, float]
) -> None:
    metrics = question_metrics(given, breakers="closed")
    assert (metrics["Questions"], metrics["Outcome"]) == (1, outcome)
    assert (metrics["AnswersAvoided"], metrics["AnyTierHits"]) == hits
    assert (metrics["CostSaved"], metrics["CostSpent"]) == cost
    assert metrics["Stale"] == int(outcome == "stale")
    assert metrics["ExtractiveFallback"] == int(outcome == "extractive")


def test_cache_outage_and_open_breaker_are_metrics() -> None:
    metrics = question_metrics(reply(cache="unavailable"), breakers="half-open")
    assert (metrics["CacheUnavailable"], metrics["BreakerOpen"]) == (1, 1)
    metrics = question_metrics(reply(cache="off"), breakers="closed")
    assert (metrics["CacheUnavailable"], metrics["BreakerOpen"]) == (0, 0)
