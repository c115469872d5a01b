"""Metrics of one question, as fields of its log line; see `functions/http/emf_metrics.py`."""

from typing import TYPE_CHECKING

from shared.reply import REUSED

if TYPE_CHECKING:
    from shared.reply import Reply

_ANSWER_GENERATED = frozenset({"l3", "l2", "none"})


def question_metrics(
    reply: "Reply | None", *, breakers: str, failure_cost: float = 0.0
) -> dict[str, object]:
    """Return the metrics of a question; they count as the cache's counters do.

    Args:
        reply: None if the question failed.
        breakers: state of the circuit breakers: `closed`, `open` or `half-open`.
        failure_cost: US dollars that an unusable completion cost.

    Returns:
        Metric values by name; costs in US dollars. A stale answer and an extractive answer count
        neither as avoided nor as generated.
    """
    outcome = reply.outcome if reply else "failed"
    cost = reply.answer.cost if reply and reply.answer else 0.0
    reused, generated = outcome in REUSED, outcome in _ANSWER_GENERATED
    return {
        "Outcome": outcome,
        "Questions": 1,
        "AnswersAvoided": int(reused),
        "AnyTierHits": int(reused or outcome in {"l3", "l2"}),
        "CostSaved": cost if reused else 0.0,
        "CostSpent": cost if generated else failure_cost,
        "ExtractiveFallback": int(outcome == "extractive"),
        "Stale": int(outcome == "stale"),
        "CacheUnavailable": int(reply is not None and reply.cache == "unavailable"),
        "BreakerOpen": int(breakers != "closed"),
    }
