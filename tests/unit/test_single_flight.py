"""Intervals at which a waiting request polls the single-flight lock."""

from collections import Counter
from itertools import accumulate, islice

from shared.cache.single_flight import poll_intervals


def test_poll_intervals_grow_to_a_quarter_of_a_second() -> None:
    intervals = list(islice(poll_intervals(), 200))
    polls = Counter(int(at) for at in accumulate(intervals))
    assert polls[0] <= 6
    assert {polls[second] for second in range(1, 40)} == {4}
    assert intervals == sorted(intervals)
    assert intervals[0] <= 0.05
