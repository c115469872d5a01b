"""`python -m infra.pair_model.calibrate FILE ...`: fit the probability of a logit to pairs.

It prints the constants of `shared/matching/pair_model/calibration.py`, the expected calibration
error of each file. Only pairs that the cache would compare count: those with a cosine of at least
`--cosine`. Needs the extra `local`.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.local.minilm import MiniLMEmbedder
from infra.pair_model.labelled_pairs import read_pairs
from shared.matching.pair_model.model import PairModel

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


def read_candidates(path: Path, cosine: float) -> tuple[Array, Array]:
    """Return the logits and labels of a file's pairs with at least this cosine."""
    pairs = read_pairs(path)
    embedder, model = MiniLMEmbedder(), PairModel.load()
    one, other = (
        embedder.encode(texts) for texts in zip(*((a, b) for a, b, _ in pairs), strict=True)
    )
    near = np.einsum("ij,ij->i", one, other) >= cosine
    chosen = [pair for pair, is_near in zip(pairs, near, strict=True) if is_near]
    logits = [model.logits(pair.a, [pair.b])[0] for pair in chosen]
    return np.array(logits), np.array([pair.label for pair in chosen], dtype=float)


def main() -> None:
    """Fit the constants and print them."""
    parser = argparse.ArgumentParser(prog="python -m infra.pair_model.calibrate")
    parser.add_argument("files", nargs="+", type=Path, help="tab-separated: a, b, label")
    parser.add_argument("--cosine", type=float, default=0.8, help="least cosine (default: 0.8)")
    options = parser.parse_args()
    read = {path.stem: read_candidates(path, options.cosine) for path in options.files}
    logits, labels = (np.concatenate(parts) for parts in zip(*read.values(), strict=True))
    slope, intercept = fit(logits, labels)
    lines = [f"SLOPE, INTERCEPT = {slope:.3f}, {intercept:.3f}"]
    for name, (own_logits, own_labels) in {**read, "all": (logits, labels)}.items():
        probabilities = probability(own_logits, slope, intercept)
        error = calibration_error(probabilities, own_labels)
        lines.append(f"{name}: {len(own_labels)} pairs, expected calibration error {error:.3f}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
