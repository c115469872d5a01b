"""Metrics of a request or message, as fields of its log line.

On AWS Lambda the line also carries the metadata of CloudWatch's embedded metric format (EMF), which
makes CloudWatch extract the fields as metrics of the namespace `Tercet`.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
import os
import time
from typing import Any

NAMESPACE = "Tercet"
_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"

request_log = logging.getLogger("functions.request_log")
"""Logs one line for each request and each message; on Lambda regardless of LOG_LEVEL."""


def _directive(dimensions: list[str], **units: str) -> dict[str, Any]:
    """Return EMF's MetricDirective: metric names with their units, and their dimensions."""
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}


METRIC_DIRECTIVES = {
    "Questions": [
        _directive(
            ["Function"],
            Questions="Count",
            AnswersAvoided="Count",
            AnyTierHits="Count",
            CostSaved="None",
            CostSpent="None",
            ExtractiveFallback="Count",
            Stale="Count",
            CacheUnavailable="Count",
            BreakerOpen="Count",
        ),
        _directive(["Function", "Outcome"], Latency="Milliseconds"),
    ],
    "NoteChanges": [
        _directive(
            ["Function"],
            NoteChanges="Count",
            AnswersDropped="Count",
            AnswersRetained="Count",
            LagMs="Milliseconds",
            Failed="Count",
        )
    ],
    "Failed": [_directive(["Function"], Failed="Count")],
}
"""The metrics of a log line, by the field that identifies its kind. Costs are in US dollars."""


def enable_request_log() -> None:
    """Enable the request log on Lambda, where metrics depend on it."""
    if _FUNCTION in os.environ:
        request_log.setLevel(logging.INFO)


def with_emf(log_fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a log line, on Lambda with the EMF metadata of its metrics."""
    function = os.environ.get(_FUNCTION)
    kind = next((name for name in METRIC_DIRECTIVES if name in log_fields), None)
    if not (function and kind):
        return log_fields
    metadata = {
        "Timestamp": time.time_ns() // 1_000_000,
        "CloudWatchMetrics": METRIC_DIRECTIVES[kind],
    }
    return {"_aws": metadata, "Function": function, **log_fields}
