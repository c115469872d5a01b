"""Metrics of a request or message, as fields of its log line.

On AWS Lambda the line also carries the metadata of CloudWatch's embedded metric format (EMF), which
makes CloudWatch extract the fields as metrics of the namespace `Tercet`. Powertools writes the
metadata once; it is the same for every line of a kind.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
import os
import time
from functools import cache
from typing import Any, NamedTuple

NAMESPACE = "Tercet"
_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"

request_log = logging.getLogger("functions.request_log")
"""Logs one line for each request and each message; on Lambda regardless of LOG_LEVEL."""


class MetricSet(NamedTuple):
    """Names of metrics, and the dimensions that they share."""

    names: tuple[str, ...]
    dimensions: tuple[str, ...] = ("Function",)


_QUESTION = (
    *("Questions", "AnswersAvoided", "AnyTierHits", "CostSaved", "CostSpent"),
    *("ExtractiveFallback", "Stale", "CacheUnavailable", "BreakerOpen"),
)
_NOTE_CHANGE = ("NoteChanges", "AnswersDropped", "AnswersRetained", "LagMs", "Failed")
METRICS = {
    "Questions": (MetricSet(_QUESTION), MetricSet(("Latency",), ("Function", "Outcome"))),
    "NoteChanges": (MetricSet(_NOTE_CHANGE),),
    "Failed": (MetricSet(("Failed",)),),
}
"""The metric sets of a log line, by the field that identifies its kind."""

_UNITS = {
    **dict.fromkeys(("Latency", "LagMs"), "Milliseconds"),
    **dict.fromkeys(("CostSaved", "CostSpent"), "None"),  # CloudWatch has no unit of money
}
"""Units of the metrics that are not a `Count`."""


def preload() -> None:
    """On Lambda, enable the request log and load what the first request would wait for."""
    if _FUNCTION in os.environ:
        request_log.setLevel(logging.INFO)
        for kind in METRICS:
            _metric_directives(kind)


def with_emf(log_fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a log line, on Lambda with the EMF metadata of its metrics."""
    function = os.environ.get(_FUNCTION)
    kind = next((name for name in METRICS if name in log_fields), None)
    if not (function and kind):
        return log_fields
    metadata = {
        "Timestamp": time.time_ns() // 1_000_000,
        "CloudWatchMetrics": _metric_directives(kind),
    }
    return {"_aws": metadata, "Function": function, **log_fields}


@cache
def _metric_directives(kind: str) -> list[Any]:
    """Return EMF's MetricDirective objects for log lines of a kind."""
    # Needed only on Lambda, and a twentieth of a cold start.
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415

    directives: list[Any] = []
    for metric_set in METRICS[kind]:
        # No service: POWERTOOLS_SERVICE_NAME would add a dimension.
        writer = EphemeralMetrics(namespace=NAMESPACE, service="")
        for dimension in metric_set.dimensions:
            writer.add_dimension(dimension, "any")
        for name in metric_set.names:
            writer.add_metric(name, _UNITS.get(name, "Count"), 0)
        directives += writer.serialize_metric_set()["_aws"]["CloudWatchMetrics"]
    return directives
