"""Reports of benchmarks and evaluations: budgets, the JSON file, the summary line."""

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.benchmarks.report import Metric, run, show, summary, write
from tests.benchmarks.stats import silent_lookup


def test_a_maximum_is_missed_from_above_and_a_minimum_from_below() -> None:
    ceiling, floor = Metric(budget=1.0), Metric(budget=1.0, floor=True)
    assert [ceiling.with_value(value).missed for value in (0.9, 1.0, 1.1)] == [False, False, True]
    assert [floor.with_value(value).missed for value in (0.9, 1.0, 1.1)] == [True, False, False]


def test_an_unmeasured_metric_misses_no_budget_and_is_null(tmp_path: Path) -> None:
    absent = Metric(unit="ms", budget=5.0)
    assert not absent.missed
    write(tmp_path / "build" / "bench.json", {"absent": absent})
    assert json.loads((tmp_path / "build" / "bench.json").read_text()) == {
        "absent": {"value": None, "unit": "ms", "budget": 5, "baseline": None, "ratio": None}
    }


def test_a_metric_is_written_with_its_baseline_and_ratio(tmp_path: Path) -> None:
    write(tmp_path / "bench.json", {"hit": Metric(unit="PINGs").with_value(1.5, 6.0)})
    (row,) = json.loads((tmp_path / "bench.json").read_text()).values()
    assert row == {"value": 1.5, "unit": "PINGs", "budget": None, "baseline": 6, "ratio": 0.25}


def test_a_partial_run_does_not_change_the_other_metrics(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    write(path, {"first": Metric().with_value(1.0), "second": Metric().with_value(2.0)})
    write(path, {"second": Metric().with_value(3.0)})
    values = {name: row["value"] for name, row in json.loads(path.read_text()).items()}
    assert values == {"first": 1, "second": 3}


def test_the_last_line_names_each_budget_that_is_missed_or_was_not_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    held, free = Metric(budget=1.0).with_value(0.5), Metric().with_value(9.0)
    slow, rare = Metric(budget=1.0).with_value(2.0), Metric(budget=0.6, floor=True).with_value(0.5)
    assert summary({"held": held, "free": free}) == "budgets: none missed"
    show({"held": held, "slow": slow, "rare": rare, "absent": Metric(budget=1.0)})
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last == "budgets: 2 missed: slow, rare; not measured: absent"


@pytest.fixture
def measured_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module `measured.part` with one metric that misses its budget."""
    module = ModuleType("measured.part")
    module.collect_metrics = lambda: {"slow": Metric(budget=1.0).with_value(2.0)}  # type: ignore[attr-defined]  # a module has any attribute
    monkeypatch.setitem(sys.modules, "measured", ModuleType("measured"))
    monkeypatch.setitem(sys.modules, "measured.part", module)
    return module


@pytest.mark.usefixtures("measured_module")
def test_strict_exits_with_status_1_when_a_budget_is_missed(tmp_path: Path) -> None:
    run("measured", ["part"], tmp_path / "bench.json", [])
    with pytest.raises(SystemExit) as exit_:
        run("measured", ["part"], tmp_path / "bench.json", ["--strict"])
    assert exit_.value.code == 1


def test_log_lines_go_to_a_file_beside_the_report(
    measured_module: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    collect = measured_module.collect_metrics

    def collect_and_log() -> dict[str, Metric]:
        os.write(2, b"a log line\n")
        return dict(collect())

    measured_module.collect_metrics = collect_and_log  # type: ignore[attr-defined]  # as above
    run("measured", ["part"], tmp_path / "bench.json", [])
    assert capfd.readouterr().err == ""
    assert (tmp_path / "bench.log").read_text() == "a log line\n"


def test_an_unknown_part_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        run("measured", ["part"], tmp_path / "bench.json", ["other"])
    assert exit_.value.code == 2
    assert "unknown part: other; available: part" in capsys.readouterr().err


def test_benchmark_of_counting_finds_the_counting_lines_of_the_lookup() -> None:
    assert "l1_hits" not in silent_lookup()._text
