"""Metrics in log lines, in CloudWatch's embedded metric format on AWS Lambda."""

import json
import logging
import re
import runpy
import time
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics

from functions.ask.metrics import question_metrics
from functions.http import emf_metrics
from shared.observability.json_logging import JsonFormatter, configure_logging
from shared.settings import Settings
from tests.support.sam import ROOT

FUNCTION = "tercet-ask"
CHANGE = {
    "NoteChanges": 1,
    "AnswersDropped": 2,
    "AnswersRetained": 3,
    "LagMs": 40,
    "FutureTimes": 0,
    "Failed": 0,
}


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emf_metrics, "FUNCTION_NAME", FUNCTION)


def question() -> dict[str, Any]:
    return question_metrics(None, breakers="closed") | {"Latency": 1.5}


def extract(line: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    """Extract metrics from a line as CloudWatch does: values by dimension values and metric."""
    metrics = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Tercet"
        for dimensions in directive["Dimensions"]:
            for each_metric in directive["Metrics"]:
                assert each_metric["Unit"] in {"Count", "Milliseconds", "None"}
                metrics[*(line[name] for name in dimensions), each_metric["Name"]] = line[
                    each_metric["Name"]
                ]
    return metrics


@pytest.mark.parametrize("name", [FUNCTION, None])
def test_function_name_is_that_of_the_lambda_runtime(
    monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    if name:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", name)
    assert runpy.run_path(emf_metrics.__file__)["FUNCTION_NAME"] == name


@pytest.mark.usefixtures("on_lambda")
def test_question_metrics_have_the_function_and_latency_the_outcome_as_dimension() -> None:
    metrics = extract(emf_metrics.with_emf(question()))
    assert metrics[FUNCTION, "Questions"] == 1
    assert metrics[FUNCTION, "failed", "Latency"] == 1.5
    assert len(metrics) == 10
    assert all(isinstance(value, int | float) for value in metrics.values())


@pytest.mark.usefixtures("on_lambda")
def test_note_change_metrics_and_a_failure_are_extracted() -> None:
    assert extract(emf_metrics.with_emf(CHANGE)) == {
        (FUNCTION, name): n for name, n in CHANGE.items()
    }
    assert extract(emf_metrics.with_emf({"Failed": 1, "reason": "x"})) == {(FUNCTION, "Failed"): 1}


@pytest.mark.usefixtures("on_lambda")
def test_emf_timestamp_is_now_in_milliseconds() -> None:
    line = emf_metrics.with_emf(question())
    assert abs(line["_aws"]["Timestamp"] - time.time() * 1000) < 60_000


@pytest.mark.usefixtures("on_lambda")
def test_line_without_metrics_is_unchanged() -> None:
    assert emf_metrics.with_emf({"path": "/health"}) == {"path": "/health"}


def test_line_is_unchanged_outside_lambda() -> None:
    assert emf_metrics.with_emf(question()) == question()


@pytest.mark.usefixtures("on_lambda")
def test_directives_equal_those_of_powertools() -> None:
    """Alarms name the namespace and the dimensions exactly."""
    for kind, metric_sets in emf_metrics.METRICS.items():
        expected = []
        for each in metric_sets:
            writer = EphemeralMetrics(namespace="Tercet", service="")
            for dimension in each.dimensions:
                writer.add_dimension(dimension, "any")
            for name in each.names:
                writer.add_metric(name, emf_metrics.UNITS.get(name, "Count"), 0)
            expected += writer.serialize_metric_set()["_aws"]["CloudWatchMetrics"]
        line = json.loads(json.dumps(emf_metrics.with_emf({kind: 1})))
        assert line["_aws"]["CloudWatchMetrics"] == expected


@pytest.mark.usefixtures("on_lambda")
def test_request_log_is_written_regardless_of_the_log_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Otherwise LOG_LEVEL=ERROR would disable the metrics."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging(Settings(log_level="ERROR"))
        emf_metrics.enable_request_log()
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
def test_line_has_log_fields_and_metrics_in_one_object() -> None:
    record = logging.makeLogRecord(
        {"log_fields": emf_metrics.with_emf(question() | {"path": "/a"})}
    )
    line = json.loads(JsonFormatter(messages=False).format(record))
    assert (line["path"], line["Outcome"]) == ("/a", "failed")
    assert len(extract(line)) == 10


@pytest.mark.parametrize("template", ["alarms", "dashboard"])
def test_alarms_and_dashboard_use_existing_metrics(template: str) -> None:
    text = (ROOT / "infra" / "aws" / f"{template}.yaml").read_text()
    named = {name for each in emf_metrics.METRICS.values() for of in each for name in of.names}
    used = re.findall(r"Namespace: Tercet\n\s+MetricName: (\w+)", text)
    for widget in re.findall(r'\["Tercet", .*?\]\]', text, re.DOTALL):
        used += re.findall(r'\["(?:Tercet|\.)", "(\w+)"', widget)
    assert used
    assert set(used) <= named
    assert "Name: Function" in text or '"Function", "${AskFunction}"' in text
