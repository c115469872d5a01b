"""What a month costs: the page says what the script computes, and the sums are sums."""

from pathlib import Path

import pytest

from infra.cost.__main__ import PAGE, main, placed
from infra.cost.inputs import DEFAULT, Inputs
from infra.cost.month import answer, bill, break_even, total
from infra.cost.report import USERS, asked, report
from tests.support.templates import MAIN_TEMPLATE, functions, of_type


@pytest.fixture
def inputs() -> Inputs:
    return Inputs.read()


def test_the_page_holds_what_the_script_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m infra.cost --write` makes it so."""
    main([])
    page = PAGE.read_text(encoding="utf-8")
    assert placed(page, capsys.readouterr().out.rstrip("\n")) == page


def test_every_price_has_a_source_and_a_date(inputs: Inputs) -> None:
    for price in inputs.prices.values():
        assert price.dollars > 0
        assert price.per
        assert price.source
        assert price.date


def test_an_answer_costs_its_tokens(inputs: Inputs) -> None:
    priced = inputs.but(prompt_tokens=1_000, completion_tokens=100)
    assert answer(priced.at(prompt_token=1e-6, completion_token=5e-6)) == pytest.approx(0.0015)


def test_answers_are_saved_in_the_share_that_is_avoided(inputs: Inputs) -> None:
    item = bill(inputs, 1_000)["answers, Hugging Face"]
    assert item.saved / item.without == pytest.approx(inputs.figures["avoided"])


def test_nobody_pays_for_requests_but_there_is_a_least_charge_for_the_cache(
    inputs: Inputs,
) -> None:
    items = bill(inputs, 0)
    assert items["answers, Hugging Face"] == items["HTTP API"] == (0, 0)
    kept = 1.0 * 730 * 3_600 * inputs.price("snapshot_gb_second")
    assert items["Lambda"] == pytest.approx((kept, kept))
    assert items["ElastiCache"].with_tercet == pytest.approx(0.1 * 730 * 0.084)
    assert total(inputs, 0).saved < 0


def test_a_user_fewer_than_the_break_even_does_not_pay(inputs: Inputs) -> None:
    least = break_even(inputs)
    assert least
    assert total(inputs, least).saved >= 0 > total(inputs, least - 1).saved


def test_a_cache_that_never_hits_never_pays(inputs: Inputs) -> None:
    assert break_even(inputs.but(avoided=0, exact=0)) is None


def test_the_bill_grows_no_faster_than_its_users(inputs: Inputs) -> None:
    few, many = (total(inputs, users).with_tercet / users for users in USERS[:2])
    assert many < few


def test_the_plans_saving_needs_ten_questions_a_user_and_day(inputs: Inputs) -> None:
    assert asked(inputs) == pytest.approx(312_500)
    assert "10.4 a user and day" in report(inputs)


def test_inputs_of_another_form_are_refused_with_the_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "prices.toml"
    other.write_text(DEFAULT.read_text(encoding="utf-8").replace("dollars", "euros"))
    for path in (other, tmp_path / "absent.toml"):
        with pytest.raises(SystemExit, match="2"):
            main([str(path)])
        said = capsys.readouterr().err
        assert path.name in said
        assert "inputs.toml shows the form" in said


def test_other_inputs_give_other_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "prices.toml"
    text = DEFAULT.read_text(encoding="utf-8")
    other.write_text(text.replace("dollars = 0.084", "dollars = 0.125"))
    main([str(other)])
    assert "| 0.125 | GB-hour" in capsys.readouterr().out


def test_the_inputs_are_of_what_is_deployed(inputs: Inputs) -> None:
    f = inputs.figures
    assert f["memory_gb"] * 1024 == MAIN_TEMPLATE["Parameters"]["AskMemory"]["Default"]
    assert f["change_memory_gb"] * 1024 == functions()["InvalidateFunction"]["MemorySize"]
    assert MAIN_TEMPLATE["Parameters"]["SnapStart"]["Default"] == "on"
    snapshots = [name for name, each in functions().items() if "SnapStart" in each]
    assert len(snapshots) == f["snapshots"]
    for name, kind in (
        ("alarms", "AWS::CloudWatch::Alarm"),
        ("secrets", "AWS::SecretsManager::Secret"),
        ("dashboards", "AWS::CloudWatch::Dashboard"),
        ("keys", "AWS::KMS::Key"),
    ):
        assert len(list(of_type(kind))) == f[name], name
