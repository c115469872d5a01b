"""Draw inputs and send them."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Input = TypeVar("Input")


def send_all(
    inputs: st.SearchStrategy[Input],
    send: Callable[[Input], None],
    count: int,
    *,
    drawn_by: int | None = None,
) -> int:
    """Send so many inputs; the first that fails ends it, as small as it can be.

    The inputs are the same each time, unless a number draws others: the same by the same number,
    and none is made smaller. Returns how many were sent.
    """
    sent = 0
    shrink = drawn_by is None

    @seed(drawn_by)
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
