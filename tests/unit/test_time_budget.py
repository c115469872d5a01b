"""The time budget of an answer on Lambda and elsewhere."""

from types import SimpleNamespace
from typing import Any

import pytest

from functions.ask.app import _time_budget


def request(milliseconds: int) -> Any:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
    return SimpleNamespace(scope={"aws.context": context})


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [(29_000, 22.0), (10_000, 9.0), (1_000, 0.001), (3, 0.001)],
    ids=["limit of the settings", "less time", "no time", "less time than the margin"],
)
def test_time_budget_is_the_remaining_time_minus_a_margin(
    milliseconds: int, seconds: float
) -> None:
    assert _time_budget(request(milliseconds), 22.0) == pytest.approx(seconds)


@pytest.mark.parametrize("scope", [{}, {"aws.context": SimpleNamespace(aws_request_id="1")}])
def test_time_budget_is_none_without_a_time_limit(scope: dict[str, Any]) -> None:
    http: Any = SimpleNamespace(scope=scope)
    assert _time_budget(http, 22.0) is None
