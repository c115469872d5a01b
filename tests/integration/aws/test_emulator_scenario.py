"""The output of `make lambda`."""

import io

import pytest
from rich.console import Console

from tests.lambda_emulator.__main__ import run_scenario
from tests.lambda_emulator.dependencies import start_dependencies
from tests.support.emulator import build_folder, runtime

pytestmark = [
    pytest.mark.slow,
    pytest.mark.aws,
    pytest.mark.xdist_group("lambda"),
]


def test_scenario_has_the_required_results_and_a_new_answer_after_the_change() -> None:
    text = io.StringIO()
    out = Console(file=text, width=200)
    with start_dependencies() as environ:
        assert run_scenario(build_folder(), runtime(), environ, out), text.getvalue()
    before, after = (
        text.getvalue().split("The answer before the note change:")[1].split("The answer after")
    )
    assert "being sure of what we hope for" in before
    assert "your whole weight" in after
