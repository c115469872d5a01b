"""How long an answer may take where Lambda ends the process."""

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
    ids=["as the settings say", "less is left", "nothing is left", "less than the margin is left"],
)
def test_an_answer_may_take_what_is_left_but_for_a_margin(
    milliseconds: int, seconds: float
) -> None:
    assert _time_budget(request(milliseconds), 22.0) == pytest.approx(seconds)


@pytest.mark.parametrize("scope", [{}, {"aws.context": SimpleNamespace(aws_request_id="1")}])
def test_elsewhere_the_settings_alone_say_so(scope: dict[str, Any]) -> None:
    http: Any = SimpleNamespace(scope=scope)
    assert _time_budget(http, 22.0) is None
