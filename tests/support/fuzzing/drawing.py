"""Draw inputs and send them."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

Input = TypeVar("Input")


def send_all(
    inputs: st.SearchStrategy[Input], send: Callable[[Input], None], count: int, *, shrink: bool
) -> int:
    """Send so many inputs; with `shrink` the first that fails ends it, as small as it can be.

    With it the inputs are the same each time, too. Returns how many were sent.
    """
    sent = 0

    @settings(
        max_examples=count,
        derandomize=shrink,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
    )
    @given(inputs)
    def sending(drawn: Input) -> None:
        nonlocal sent
        sent += 1
        send(drawn)

    sending()
    return sent
