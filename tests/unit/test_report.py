"""What the report of figures promises."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.report import Figure, show, verdict, write


def test_a_ceiling_is_missed_from_above_and_a_floor_from_below() -> None:
    ceiling, floor = Figure(budget=1.0), Figure(budget=1.0, floor=True)
    assert [ceiling.measured(value).missed for value in (0.9, 1.0, 1.1)] == [False, False, True]
    assert [floor.measured(value).missed for value in (0.9, 1.0, 1.1)] == [True, False, False]


def test_what_was_not_measured_misses_no_budget_and_is_null(tmp_path: Path) -> None:
    absent = Figure(unit="ms", budget=5.0)
    assert not absent.missed
    write(tmp_path / "build" / "bench.json", {"absent": absent})
    assert json.loads((tmp_path / "build" / "bench.json").read_text()) == {
        "absent": {"value": None, "unit": "ms", "budget": 5, "baseline": None, "ratio": None}
    }


def test_a_figure_stands_beside_its_baseline(tmp_path: Path) -> None:
    write(tmp_path / "bench.json", {"hit": Figure(unit="PINGs").measured(1.5, 6.0)})
    (row,) = json.loads((tmp_path / "bench.json").read_text()).values()
    assert row == {"value": 1.5, "unit": "PINGs", "budget": None, "baseline": 6, "ratio": 0.25}


def test_a_partial_run_leaves_the_other_figures_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    write(path, {"first": Figure().measured(1.0), "second": Figure().measured(2.0)})
    write(path, {"second": Figure().measured(3.0)})
    values = {name: row["value"] for name, row in json.loads(path.read_text()).items()}
    assert values == {"first": 1, "second": 3}


def test_the_last_line_names_each_budget_that_is_missed_or_was_not_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    held, free = Figure(budget=1.0).measured(0.5), Figure().measured(9.0)
    slow, rare = Figure(budget=1.0).measured(2.0), Figure(budget=0.6, floor=True).measured(0.5)
    assert verdict({"held": held, "free": free}) == "budgets: none missed"
    show({"held": held, "slow": slow, "rare": rare, "absent": Figure(budget=1.0)})
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last == "budgets: 2 missed: slow, rare; not measured: absent"
