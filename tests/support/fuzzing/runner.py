"""Runs a property on inputs that Hypothesis draws."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Input = TypeVar("Input")


def run_property(
    inputs: st.SearchStrategy[Input],
    check: Callable[[Input], None],
    count: int,
    *,
    seed_number: int | None = None,
) -> int:
    """Check a property on `count` inputs; return the number of checked inputs.

    Without a seed number the inputs are the same in each run, and a failing input is shrunk. With
    one they depend on it, and are not shrunk.
    """
    checked = 0
    derandomize = seed_number is None

    @seed(seed_number)
    @settings(
        max_examples=count,
        derandomize=derandomize,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if derandomize else (Phase.generate,),
    )
    @given(inputs)
    def run(drawn: Input) -> None:
        nonlocal checked
        checked += 1
        check(drawn)

    run()
    return checked
