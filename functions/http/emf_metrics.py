"""Metrics of a request or message, as fields of its log line.

On AWS Lambda the line also carries the metadata of CloudWatch's embedded metric format (EMF), which
makes CloudWatch extract the fields as metrics of the namespace `Tercet`.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
import os
import time
from functools import cache
from typing import Any, NamedTuple

NAMESPACE = "Tercet"
FUNCTION_NAME = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
"""The name of this Lambda function; None elsewhere."""

request_log = logging.getLogger("functions.request_log")
"""Logs one line for each request and each message."""


class MetricSet(NamedTuple):
    """Names of metrics, and the dimensions that they share."""

    names: tuple[str, ...]
    dimensions: tuple[str, ...] = ("Function",)


_QUESTION = (
    *("Questions", "AnswersAvoided", "AnyTierHits", "CostSaved", "CostSpent"),
    *("ExtractiveFallback", "Stale", "CacheUnavailable", "BreakerOpen"),
)
_NOTE_CHANGE = (
    "NoteChanges",
    "AnswersDropped",
    "AnswersRetained",
    "LagMs",
    "FutureTimes",
    "Failed",
)
METRICS = {
    "Questions": (MetricSet(_QUESTION), MetricSet(("Latency",), ("Function", "Outcome"))),
    "NoteChanges": (MetricSet(_NOTE_CHANGE),),
    "Failed": (MetricSet(("Failed",)),),
}
"""The metric sets of a log line, by the field that identifies its kind."""

UNITS = {
    **dict.fromkeys(("Latency", "LagMs"), "Milliseconds"),
    **dict.fromkeys(("CostSaved", "CostSpent"), "None"),  # CloudWatch has no unit of money
}
"""Units of the metrics that are not a `Count`."""


def enable_request_log() -> None:
    """On Lambda, write the request log at every LOG_LEVEL: a quieter log would stop the metrics."""
    if FUNCTION_NAME:
        request_log.setLevel(logging.INFO)


def with_emf(log_fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a log line, on Lambda with the EMF metadata of its metrics."""
    if not FUNCTION_NAME:
        return log_fields
    for kind in METRICS:
        if kind in log_fields:
            metadata = {
                "Timestamp": time.time_ns() // 1_000_000,
                "CloudWatchMetrics": _metric_directives(kind),
            }
            return {"_aws": metadata, "Function": FUNCTION_NAME, **log_fields}
    return log_fields


@cache
def _metric_directives(kind: str) -> list[dict[str, Any]]:
    """Return EMF's MetricDirective objects for log lines of a kind."""
    return [
        {
            "Namespace": NAMESPACE,
            "Dimensions": [each.dimensions],
            "Metrics": [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in each.names],
        }
        for each in METRICS[kind]
    ]
