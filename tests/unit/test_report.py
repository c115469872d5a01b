"""What the report of figures promises."""

import json
from pathlib import Path

from tests.benchmarks.report import Figure, write


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
