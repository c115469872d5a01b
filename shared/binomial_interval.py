"""Confidence interval of a share, from a number of successes among independent trials. Pure.

C. Clopper, E. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial" (1934). It contains the true share in at least 95 % of all samples, however small.
"""

from functools import lru_cache
from math import exp, lgamma, log, log1p
from typing import NamedTuple

_OUTSIDE = 0.025  # probability on each side of the interval
_NEGLIGIBLE = 1e-17  # of a sum


class Interval(NamedTuple):
    """Bounds of a share, from 0 to 1."""

    low: float
    high: float


@lru_cache(maxsize=1_024)
def clopper_pearson(successes: int, trials: int) -> Interval:
    """Return the 95 % interval of the share of successes; all shares without a trial.

    Raises:
        ValueError: `successes` is negative, or more than `trials`.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be from 0 to {trials}, not {successes}")
    return Interval(_low(successes, trials), 1 - _low(trials - successes, trials))


def trials_to_show(share: float, successes: int) -> int:
    """Return the least number of trials of which so many successes show at most this share.

    Args:
        share: above 0 and below 1; the upper bound of the interval is at most this.
        successes: the number of successes.
    """
    least, most = successes, successes + 1
    while clopper_pearson(successes, most).high > share:
        least, most = most, 2 * most
    while most - least > 1:
        middle = (least + most) // 2
        if clopper_pearson(successes, middle).high > share:
            least = middle
        else:
            most = middle
    return most


def _low(successes: int, trials: int) -> float:
    """Return the greatest share, rounded down, at which so many successes are too improbable."""
    if not successes:
        return 0.0
    low, high = 0.0, successes / trials
    while low < (middle := (low + high) / 2) < high:
        if _tail(successes, trials, middle) > _OUTSIDE:
            high = middle
        else:
            low = middle
    return low


def _tail(successes: int, trials: int, share: float) -> float:
    """Return the probability of at least so many successes, which are more than the mean.

    Above the mean each term is less than the one before, so few are added.
    """
    failures = trials - successes
    ways = lgamma(trials + 1) - lgamma(successes + 1) - lgamma(failures + 1)
    term = exp(ways + successes * log(share) + failures * log1p(-share))
    total, odds = 0.0, share / (1 - share)
    for number in range(successes, trials + 1):
        total += term
        if term <= total * _NEGLIGIBLE:
            break
        term *= odds * (trials - number) / (number + 1)
    return total
