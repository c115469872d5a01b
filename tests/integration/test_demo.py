"""`tercet demo` shows the required hits and misses and fails otherwise."""

import re

import pytest

from infra.local.demo_scenario import SCENARIOS, Scenario, Step
from infra.local.sample_notes import SampleSet
from tests.support.command import Tercet

pytestmark = pytest.mark.xdist_group("demo")  # one process embeds its notes


@pytest.mark.parametrize(
    "notes", [SampleSet.HANDBOOK, pytest.param(SampleSet.STUDY, marks=pytest.mark.slow)]
)
def test_demo_shows_each_tier_and_an_edit(tercet: Tercet, notes: SampleSet) -> None:
    result = tercet("demo", "--notes", notes)
    assert result.exit_code == 0, result.output
    row = re.compile(r"^ (Ann|Ben) .*?  (none|l1|l2|l3) +(exact|semantic)?", re.MULTILINE)
    assert row.findall(result.stdout) == [
        ("Ann", "none", ""),
        ("Ann", "l1", "exact"),
        ("Ann", "l1", "exact"),
        ("Ann", "l1", "semantic"),
        ("Ben", "l2", ""),
        ("Ann", "none", ""),
        ("Ann", "l2", ""),
        ("Ann", "l1", "exact"),
    ]
    assert "2 cached answers dropped, 1 retained" in result.stdout
    after_edit = " ".join(result.stdout.split("both questions again")[1].split())
    assert SCENARIOS[notes].after in after_edit


def test_demo_fails_if_a_step_has_another_result(
    tercet: Tercet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = SCENARIOS[SampleSet.HANDBOOK].before_edit()
    steps = [first._replace(match="exact"), *others]

    def before_edit(_: Scenario) -> list[Step]:
        return steps

    monkeypatch.setattr(Scenario, "before_edit", before_edit)
    result = tercet("demo")
    assert result.exit_code == 1
    assert result.stderr == 'tercet: "How do I restore the database?": expected a miss\n'
