"""The confidence interval of a share, compared with direct sums of binomial probabilities."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.binomial_interval import clopper_pearson, trials_to_show

OUTSIDE = 0.025


def tail(successes: int, trials: int, share: float) -> float:
    """Return the probability of at least so many successes as a plain sum."""
    return sum(
        comb(trials, number) * share**number * (1 - share) ** (trials - number)
        for number in range(successes, trials + 1)
    )


@st.composite
def samples(draw: st.DrawFn) -> tuple[int, int]:
    trials = draw(st.integers(1, 300))
    return draw(st.integers(0, trials)), trials


@given(samples())
def test_bounds_are_the_shares_at_which_the_sample_is_too_improbable(
    sample: tuple[int, int],
) -> None:
    successes, trials = sample
    low, high = clopper_pearson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    if successes:
        assert tail(successes, trials, low) == pytest.approx(OUTSIDE, rel=1e-8)
    else:
        assert low == 0
    if successes < trials:
        assert tail(trials - successes, trials, 1 - high) == pytest.approx(OUTSIDE, rel=1e-8)
    else:
        assert high == 1


@given(trials=st.integers(1, 80), share=st.floats(0, 1))
def test_interval_contains_the_true_share_in_95_percent_of_samples(
    trials: int, share: float
) -> None:
    intervals = [clopper_pearson(number, trials) for number in range(trials + 1)]
    covered = sum(
        comb(trials, number) * share**number * (1 - share) ** (trials - number)
        for number, interval in enumerate(intervals)
        if interval.low <= share <= interval.high
    )
    assert covered >= 0.95 - 1e-9


@given(samples())
def test_interval_of_the_failures_mirrors_that_of_the_successes(sample: tuple[int, int]) -> None:
    successes, trials = sample
    low, high = clopper_pearson(successes, trials)
    assert clopper_pearson(trials - successes, trials) == pytest.approx((1 - high, 1 - low))


@given(samples())
def test_more_successes_raise_both_bounds(sample: tuple[int, int]) -> None:
    successes, trials = sample
    if successes < trials:
        less, more = clopper_pearson(successes, trials), clopper_pearson(successes + 1, trials)
        assert (less.low < more.low, less.high < more.high or more.high == 1) == (True, True)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # published tables, and the closed forms of 0 and of all successes
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (0, 1_000, 0.0, 1 - OUTSIDE ** (1 / 1_000)),
        (1_000, 1_000, OUTSIDE ** (1 / 1_000), 1.0),
        (20_000, 1_000_000, 0.019726, 0.020276),
    ],
)
def test_interval_of_known_samples(successes: int, trials: int, low: float, high: float) -> None:
    assert clopper_pearson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_no_trial_excludes_no_share() -> None:
    assert clopper_pearson(0, 0) == (0, 1)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 5), (6, 5), (1, 0)])
def test_impossible_numbers_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="must be from 0 to"):
        clopper_pearson(successes, trials)


@given(share=st.floats(0.001, 0.9), successes=st.integers(0, 5))
def test_least_number_of_trials_shows_the_share_and_one_less_does_not(
    share: float, successes: int
) -> None:
    trials = trials_to_show(share, successes)
    assert clopper_pearson(successes, trials).high <= share
    assert trials == successes + 1 or clopper_pearson(successes, trials - 1).high > share
