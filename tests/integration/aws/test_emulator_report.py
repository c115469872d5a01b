"""What `make lambda` shows, of what was built already."""

import io

import pytest
from rich.console import Console

from infra.aws.emulator.dependencies import start_dependencies
from infra.aws.emulator.report import print_header, run_scenario
from tests.support.emulator import build_folder, runtime

pytestmark = [
    pytest.mark.slow,
    pytest.mark.aws,
    pytest.mark.xdist_group("lambda"),
]


def test_every_event_comes_out_as_it_must_and_the_answer_follows_the_note() -> None:
    parts, built = runtime(), build_folder()
    text = io.StringIO()
    out = Console(file=text, width=200)
    print_header(built, parts, out)
    with start_dependencies() as environ:
        assert run_scenario(built, parts, environ, out)
    told = text.getvalue()
    assert "with nothing else on the path" in told
    before, after = told.split("The answer before the note changed:")[1].split("The answer after")
    assert "being sure of what we hope for" in before
    assert "your whole weight" in after
