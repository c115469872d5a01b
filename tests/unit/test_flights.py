"""Whoever waits for somebody else's answer looks soon, and then seldom."""

from collections import Counter
from itertools import accumulate, islice

from shared.cache.single_flight import poll_intervals


def test_looks_become_rarer_and_never_rarer_than_four_a_second() -> None:
    waited = list(islice(poll_intervals(), 200))
    looks = Counter(int(at) for at in accumulate(waited))
    assert looks[0] <= 6
    assert {looks[second] for second in range(1, 40)} == {4}
    assert waited == sorted(waited)
    assert waited[0] <= 0.05
