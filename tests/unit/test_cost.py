"""Monthly cost: docs/cost.md holds the tables of the script, and the formulas are consistent."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.cost import (
    DEFAULT_INPUTS,
    USERS,
    answer_cost,
    break_even,
    load_inputs,
    monthly_cost,
    report,
    total,
)
from shared.errors import ConfigurationError
from tests.support.cloudformation import Stack
from tests.support.sam import ROOT
from tests.support.templates import MAIN_TEMPLATE, TEMPLATES, functions, of_type

Inputs = Mapping[str, float]


@pytest.fixture
def inputs() -> Inputs:
    return load_inputs().base


def test_page_holds_the_tables_of_the_script() -> None:
    assert report(load_inputs()) in (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")


def test_every_price_has_a_unit_a_source_and_a_date() -> None:
    tables = tomllib.loads(DEFAULT_INPUTS.read_text(encoding="utf-8"))
    for model in tables["models"].values():
        assert model["prompt"] > 0 < model["completion"]
        assert model["source"]
        assert model["date"]
    for price in tables["prices"].values():
        assert price["value"] > 0
        assert price["unit"]
        assert price["source"]
        assert price["date"]


def test_scenarios_change_known_inputs(inputs: Inputs) -> None:
    scenarios = load_inputs().scenarios
    assert scenarios
    assert all(changed.keys() <= inputs.keys() for changed in scenarios.values())


def test_answer_cost_is_the_cost_of_its_tokens(inputs: Inputs) -> None:
    tokens = {"prompt_tokens": 1_000.0, "completion_tokens": 100.0}
    prices = {"prompt_token": 1e-6, "completion_token": 5e-6}
    assert answer_cost({**inputs, **tokens, **prices}) == pytest.approx(0.0015)


def test_saved_share_of_the_answers_is_the_avoided_share(inputs: Inputs) -> None:
    item = monthly_cost(inputs, 1_000)["answers"]
    assert item.saved / item.without == pytest.approx(inputs["avoided"])


def test_without_users_only_fixed_costs_remain(inputs: Inputs) -> None:
    items = monthly_cost(inputs, 0)
    assert items["answers"] == items["HTTP API"] == (0, 0)
    snapshot = 1.0 * 730 * 3_600 * inputs["snapshot_gb_second"]
    assert items["Lambda"] == pytest.approx((snapshot, snapshot))
    assert items["ElastiCache"].with_tercet == pytest.approx(0.1 * 730 * 0.084)
    assert total(inputs, 0).saved < 0


def test_dearer_model_saves_more_and_breaks_even_sooner() -> None:
    inputs = load_inputs()
    by_cost = sorted(({**inputs.base, **each} for each in inputs.models.values()), key=answer_cost)
    assert len(by_cost) >= 4
    assert total(by_cost[0], 1_000).saved < total(by_cost[-1], 1_000).saved
    least = [break_even(each) or 0 for each in by_cost]
    assert least == sorted(least, reverse=True)
    assert least[-1] > 0


def test_break_even_is_the_least_number_of_users_that_saves(inputs: Inputs) -> None:
    least = break_even(inputs)
    assert least
    assert total(inputs, least).saved >= 0 > total(inputs, least - 1).saved


def test_cache_that_never_hits_has_no_break_even(inputs: Inputs) -> None:
    assert break_even({**inputs, "avoided": 0.0, "exact": 0.0}) is None


def test_cost_per_user_falls_with_the_number_of_users(inputs: Inputs) -> None:
    few, many = (total(inputs, users).with_tercet / users for users in USERS[:2])
    assert many < few


def test_invalid_input_file_is_rejected(tmp_path: Path) -> None:
    invalid = tmp_path / "prices.toml"
    invalid.write_text(DEFAULT_INPUTS.read_text(encoding="utf-8").replace("value", "amount"))
    for path in (invalid, tmp_path / "absent.toml"):
        with pytest.raises(ConfigurationError, match=DEFAULT_INPUTS.name) as refusal:
            load_inputs(path)
        assert path.name in str(refusal.value)


def test_other_inputs_change_the_tables(tmp_path: Path) -> None:
    other = tmp_path / "prices.toml"
    text = DEFAULT_INPUTS.read_text(encoding="utf-8")
    other.write_text(text.replace("value = 0.084", "value = 0.125"))
    assert "| ElastiCache | 0.00 | 6.1" in report(load_inputs())
    assert "| ElastiCache | 0.00 | 9.1" in report(load_inputs(other))  # 0.1 GB * 730 h * 0.125


def test_inputs_describe_the_templates(inputs: Inputs) -> None:
    assert inputs["memory_gb"] * 1024 == MAIN_TEMPLATE["Parameters"]["AskMemory"]["Default"]
    assert inputs["change_memory_gb"] * 1024 == functions()["InvalidateFunction"]["MemorySize"]
    assert MAIN_TEMPLATE["Parameters"]["SnapStart"]["Default"] == "on"
    snapshots = [name for name, each in functions().items() if "SnapStart" in each]
    assert len(snapshots) == inputs["snapshots"]
    for name, kind in (
        ("secrets", "AWS::SecretsManager::Secret"),
        ("dashboards", "AWS::CloudWatch::Dashboard"),
        ("keys", "AWS::KMS::Key"),
    ):
        assert len(list(of_type(kind))) == inputs[name], name
    template = TEMPLATES["infra/aws/alarms.yaml"]
    # No option that is off by default.
    stack = Stack(
        template, CacheName="cache", WarmFunction="warm", WarmDeadLetterQueueName="warm-dead"
    )
    metrics = [
        str(alarm).count("'MetricName'")
        for alarm in template["Resources"].values()
        if "Condition" not in alarm or stack.holds(alarm["Condition"])
    ]
    assert sum(metrics) == inputs["alarms"]
