"""A line's figures are metrics on AWS Lambda, by CloudWatch's embedded metric format."""

import json
import logging
import re
import time
from typing import Any

import pytest

from functions.ask.metrics import question_metrics
from functions.http import emf_metrics
from shared.observability.json_logging import JsonFormatter, configure_logging
from shared.settings import Settings
from tests.support.sam import ROOT

FUNCTION = "tercet-ask"
CHANGE = {"NoteChanges": 1, "AnswersDropped": 2, "AnswersRetained": 3, "LagMs": 40, "Failed": 0}


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", FUNCTION)


def question() -> dict[str, Any]:
    return question_metrics(None, breakers="closed") | {"Latency": 1.5}


def read(line: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    """Read a line as CloudWatch does: values by dimensions' values and metric."""
    found = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Tercet"
        for dimensions in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                assert metric["Unit"] in {"Count", "Milliseconds", "None"}
                found[*(line[name] for name in dimensions), metric["Name"]] = line[metric["Name"]]
    return found


@pytest.mark.usefixtures("on_lambda")
def test_a_questions_figures_are_metrics_of_its_function_and_its_latency_of_its_tier() -> None:
    found = read(emf_metrics.with_emf(question()))
    assert found[FUNCTION, "Questions"] == 1
    assert found[FUNCTION, "failed", "Latency"] == 1.5
    assert len(found) == 10
    assert all(isinstance(value, int | float) for value in found.values())


@pytest.mark.usefixtures("on_lambda")
def test_a_note_changes_figures_are_metrics_and_so_is_a_failure_alone() -> None:
    assert read(emf_metrics.with_emf(CHANGE)) == {(FUNCTION, name): n for name, n in CHANGE.items()}
    assert read(emf_metrics.with_emf({"Failed": 1, "reason": "x"})) == {(FUNCTION, "Failed"): 1}


@pytest.mark.usefixtures("on_lambda")
def test_a_metrics_time_is_now_in_milliseconds() -> None:
    line = emf_metrics.with_emf(question())
    assert abs(line["_aws"]["Timestamp"] - time.time() * 1000) < 5_000


@pytest.mark.usefixtures("on_lambda")
def test_a_line_without_figures_stays_as_it_is() -> None:
    assert emf_metrics.with_emf({"path": "/health"}) == {"path": "/health"}


def test_elsewhere_the_same_figures_are_in_the_line_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    assert emf_metrics.with_emf(question()) == question()


@pytest.mark.usefixtures("on_lambda")
def test_a_variable_of_powertools_adds_no_dimension(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alarms name the dimensions, and would look at metrics that nobody writes."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "another")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Another")
    emf_metrics._metric_directives.cache_clear()
    first, second = emf_metrics._metric_directives("Questions")
    assert (first["Namespace"], first["Dimensions"]) == ("Tercet", [["Function"]])
    assert second["Dimensions"] == [["Function", "Outcome"]]


@pytest.mark.usefixtures("on_lambda")
def test_records_are_written_whatever_the_level_of_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Else a quieter log would end the metrics."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging(Settings(log_level="ERROR"))
        emf_metrics.preload()
        emf_metrics.request_log.info(
            "request", extra={"log_fields": emf_metrics.with_emf(question())}
        )
        logging.getLogger("functions.other").info("not this")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        emf_metrics.request_log.setLevel(logging.NOTSET)
        for name in ("functions", "shared", "infra"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["Questions"] == 1


@pytest.mark.usefixtures("on_lambda")
def test_a_line_is_one_object_with_the_facts_beside_the_metrics() -> None:
    record = logging.makeLogRecord(
        {"log_fields": emf_metrics.with_emf(question() | {"path": "/a"})}
    )
    line = json.loads(JsonFormatter(messages=False).format(record))
    assert (line["path"], line["Outcome"]) == ("/a", "failed")
    assert len(read(line)) == 10


@pytest.mark.parametrize("template", ["alarms", "dashboard"])
def test_alarms_and_dashboard_look_at_metrics_that_there_are(template: str) -> None:
    text = (ROOT / "infra" / "aws" / f"{template}.yaml").read_text()
    named = {name for each in emf_metrics.METRICS.values() for of in each for name in of.units}
    ours = re.findall(r"Namespace: Tercet\n\s+MetricName: (\w+)", text)
    for widget in re.findall(r'\["Tercet", .*?\]\]', text, re.DOTALL):
        ours += re.findall(r'\["(?:Tercet|\.)", "(\w+)"', widget)
    assert ours
    assert set(ours) <= named
    assert "Name: Function" in text or '"Function", "${AskFunction}"' in text
