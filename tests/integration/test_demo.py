"""`tercet demo` holds what its table says, and checks it itself."""

import re
from dataclasses import replace

import pytest

from infra.local import demo_scenario
from tests.support.command import Tercet

pytestmark = pytest.mark.xdist_group("demo")  # one process embeds its notes


def test_it_shows_each_tier_and_an_edit(tercet: Tercet) -> None:
    done = tercet("demo")
    assert done.exit_code == 0, done.output
    row = re.compile(r"^ (Ann|Ben) .*?  (none|l1|l2|l3) +(exact|semantic)?", re.MULTILINE)
    assert row.findall(done.stdout) == [
        ("Ann", "none", ""),
        ("Ann", "l1", "exact"),
        ("Ann", "l1", "exact"),
        ("Ann", "l1", "semantic"),
        ("Ben", "l2", ""),
        ("Ann", "none", ""),
        ("Ann", "l2", ""),
        ("Ann", "l1", "exact"),
    ]
    assert "2 cached answers dropped" in done.stdout
    assert demo_scenario.AFTER in done.stdout.split("Both questions again")[1]


def test_it_fails_where_a_step_is_not_what_it_says(
    tercet: Tercet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = demo_scenario.TIERS.steps
    wrong = replace(demo_scenario.TIERS, steps=(replace(first, tiers=("l1",)), *others))
    monkeypatch.setattr(demo_scenario, "TIERS", wrong)
    done = tercet("demo")
    assert done.exit_code == 1
    assert done.stderr == 'tercet: "What is faith?" should have been: a miss\n'
