"""Turns a logit of the pair model into the probability that one answer serves both questions."""

import math

# Platt scaling, printed by `python -m tests.evaluation.calibration`. J. Platt, "Probabilistic
# outputs for support vector machines and comparisons to regularized likelihood methods" (1999).
SLOPE, INTERCEPT = 0.370, 1.149


def probability(logit: float) -> float:
    """Return the calibrated probability of a logit; 0 for -inf."""
    return (1 + math.tanh((SLOPE * logit + INTERCEPT) / 2)) / 2
