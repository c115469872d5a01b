"""Fits the probability of a logit to labelled pairs, by Platt scaling."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

_STEPS = 30  # of Newton's method; it converges in fewer than ten
_BINS = 10


def fit(logits: Array, labels: Array, pair_weights: Array | float = 1.0) -> tuple[float, float]:
    """Return slope and intercept of Platt scaling: the logistic regression of labels on logits."""
    features = np.stack([logits, np.ones_like(logits)], axis=1)
    weights = np.zeros(2)
    for _ in range(_STEPS):
        probabilities = probability(logits, *weights)
        gradient = features.T @ (pair_weights * (probabilities - labels))
        curvature = pair_weights * probabilities * (1 - probabilities)
        weights -= np.linalg.solve(features.T @ (features * curvature[:, np.newaxis]), gradient)
    return float(weights[0]), float(weights[1])


def probability(logits: Array, slope: float, intercept: float) -> Array:
    """Return the probability of each logit."""
    probabilities: Array = 1 / (1 + np.exp(-(slope * logits + intercept)))
    return probabilities


def calibration_error(probabilities: Array, labels: Array) -> float:
    """Return the expected calibration error over ten bins of equal width.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks" (2017).
    """
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    gaps = (abs(np.sum((probabilities - labels)[bins == each])) for each in range(_BINS))
    return float(sum(gaps) / len(labels))
