"""`python -m tests.evaluation.calibration`: fit the pair model's probability to labelled pairs.

Only pairs count that the model decides on: near enough, and without a veto. Each data set has the
same weight, so that none decides alone. Medical pairs serve measurement only. The labels of intents
are broader than questions.
"""

import asyncio

import numpy as np

from infra.pair_model.calibrate import fit
from shared.matching.decision import decide
from shared.matching.pair_model.model import load_once
from tests.evaluation.question_pairs import SETTINGS, Pair, load_pairs

_DATA = ("open_web", "support", "note_questions")


def _is_undecided(pair: Pair) -> bool:
    return pair.cosine >= SETTINGS.candidate_cosine and not decide(pair.a, pair.b).is_certain


def main() -> None:
    """Print the constants of `shared/matching/pair_model/calibration.py`."""
    model = load_once()
    logits, labels, weights = [], [], []
    found = asyncio.run(load_pairs())
    for name in _DATA:
        undecided = [pair for pair in found[name] if _is_undecided(pair)]
        logits += [model.logits(pair.a, [pair.b])[0] for pair in undecided]
        labels += [float(pair.same) for pair in undecided]
        weights += [1 / len(undecided)] * len(undecided)
    slope, intercept = fit(np.array(logits), np.array(labels), np.array(weights))
    print(f"SLOPE, INTERCEPT = {slope:.3f}, {intercept:.3f}")


if __name__ == "__main__":
    main()
