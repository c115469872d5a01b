"""What the record of a question says: the figures that `functions/http/emf_metrics.py` knows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.reply import Reply

_AVOIDED = frozenset({"l1-exact", "l1-semantic", "coalesced"})
_TIERS = {"exact": "l1-exact", "semantic": "l1-semantic", "no_notes": "no-notes"}
_WRITTEN = frozenset({"l3", "l2", "none"})


def question_metrics(reply: "Reply | None", *, breakers: str) -> dict[str, object]:
    """Write them; without a reply, of a question that failed.

    They count as the cache's own counters do: avoided is an answer that was read instead of being
    written, and neither a stale nor an extractive one is that. `breakers` is their state; money is
    in US dollars.
    """
    tier = _tier(reply)
    cost = reply.answer.cost if reply and reply.answer else 0.0
    return {
        "Tier": tier,
        "Questions": 1,
        "AnswersAvoided": int(tier in _AVOIDED),
        "AnyTier": int(tier in _AVOIDED or tier in {"l3", "l2"}),
        "CostSaved": cost if tier in _AVOIDED else 0.0,
        "CostSpent": cost if tier in _WRITTEN else 0.0,
        "ExtractiveFallback": int(tier == "extractive"),
        "Stale": int(tier == "stale"),
        "CacheUnavailable": int(reply is not None and reply.cache == "unavailable"),
        "BreakerOpen": int(breakers != "closed"),
    }


def _tier(reply: "Reply | None") -> str:
    """Say what served a question: those that waited for another's answer are no quick hits."""
    if reply is None:
        return "failed"
    return _TIERS.get(reply.outcome, reply.outcome)
