"""`python -m tests.evaluation.calibration`: fit the pair model's probability to labelled pairs.

Only pairs count that the model decides on: near enough, and without a veto. Each data set has the
same weight, so that none decides alone. Medical pairs serve measurement only. The labels of intents
are broader than questions.
"""

import asyncio

import numpy as np

from infra.pair_model.calibrate import calibration_error, fit, probability
from shared.matching.decision import decide
from shared.matching.pair_model.model import load_once
from tests.evaluation.question_pairs import SETTINGS, Pair, load_pairs

_DATA = ("open_web", "support", "note_questions")


def _is_undecided(pair: Pair) -> bool:
    return pair.cosine >= SETTINGS.candidate_cosine and not decide(pair.a, pair.b).is_certain


def main() -> None:
    """Print the constants of `shared/matching/pair_model/calibration.py`, and their errors."""
    model = load_once()
    found = asyncio.run(load_pairs())
    undecided = {name: [pair for pair in found[name] if _is_undecided(pair)] for name in _DATA}
    logits = {
        name: np.array([model.logits(pair.a, [pair.b])[0] for pair in pairs])
        for name, pairs in undecided.items()
    }
    labels = {
        name: np.array([float(pair.same) for pair in pairs]) for name, pairs in undecided.items()
    }
    weights = [np.full(len(pairs), 1 / len(pairs)) for pairs in undecided.values()]
    slope, intercept = fit(
        *(np.concatenate([*each]) for each in (logits.values(), labels.values(), weights))
    )
    print(f"SLOPE, INTERCEPT = {slope:.3f}, {intercept:.3f}")
    for name, own in labels.items():
        error = calibration_error(probability(logits[name], slope, intercept), own)
        print(f"{name}: {len(own)} pairs, expected calibration error {error:.3f}")


if __name__ == "__main__":
    main()
