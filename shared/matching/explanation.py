"""Why two questions match or do not, for whoever asks."""

from typing import Any

from shared.matching.decision import judge


def explain(a: str, b: str, cosine: float, *, threshold: float) -> dict[str, Any]:
    """Say what would be decided for two questions of this cosine, and each guard's word on it.

    `cosine`, `match` and `reason` are the decision before the verifier; `guards` has a word for
    every guard by name.
    """
    verdict = judge(a, b)
    near = cosine >= threshold
    return {
        "cosine": round(cosine, 4),
        "match": near and verdict.same,
        "reason": verdict.reason if near else f"cosine below {threshold:g}",
        "guards": {name: word or "no objection" for name, word in verdict.words.items()},
    }
