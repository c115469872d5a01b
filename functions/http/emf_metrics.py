"""Figures of a request, as members of its log line; on AWS Lambda CloudWatch reads them as metrics.

They are the same everywhere. On Lambda the line also says, in CloudWatch's embedded metric format,
which of its members are metrics of the namespace `Tercet`; what Powertools writes of that is the
same for each line, so it is written once.
"""

import logging
import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "Tercet"
_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"

request_log = logging.getLogger("functions.request_log")
"""Logs a line for each request and each message; on Lambda whatever the level is."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Names with their units, of metrics that have these dimensions."""

    units: "Mapping[str, str]"
    dimensions: tuple[str, ...] = ("Function",)


_COUNT, _MILLISECONDS, _DOLLARS = "Count", "Milliseconds", "None"
_QUESTION = {
    "Questions": _COUNT,
    "AnswersAvoided": _COUNT,
    "AnyTier": _COUNT,
    "CostSaved": _DOLLARS,
    "CostSpent": _DOLLARS,
    "ExtractiveFallback": _COUNT,
    "Stale": _COUNT,
    "CacheUnavailable": _COUNT,
    "BreakerOpen": _COUNT,
}
_CHANGE = {
    "NoteChanges": _COUNT,
    "AnswersDropped": _COUNT,
    "AnswersKept": _COUNT,
    "LagMs": _MILLISECONDS,
    "Failed": _COUNT,
}
METRICS = {
    "Questions": (Metrics(_QUESTION), Metrics({"Latency": _MILLISECONDS}, ("Function", "Tier"))),
    "NoteChanges": (Metrics(_CHANGE),),
    "Failed": (Metrics({"Failed": _COUNT}),),
}
"""Every metric, by the one that tells whether a line has them."""


def preload() -> None:
    """Load here what the first request would wait for."""
    if _FUNCTION in os.environ:
        request_log.setLevel(logging.INFO)
        for sign in METRICS:
            _directives(sign)


def with_emf(log_fields: dict[str, Any]) -> dict[str, Any]:
    """Add to a line's log_fields what makes CloudWatch read its metrics, if it has any."""
    function = os.environ.get(_FUNCTION)
    sign = next((name for name in METRICS if name in log_fields), None)
    if not (function and sign):
        return log_fields
    marked = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": _directives(sign)}
    return {"_aws": marked, "Function": function, **log_fields}


@cache
def _directives(sign: str) -> list[Any]:
    """Say which members of such lines are metrics, in which unit and with which dimensions."""
    # Only Lambda needs it, and it takes a twentieth of a cold start.
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415

    directives: list[Any] = []
    for metrics in METRICS[sign]:
        # Without a service: a variable of Powertools would make it one more dimension.
        writer = EphemeralMetrics(namespace=NAMESPACE, service="")
        for dimension in metrics.dimensions:
            writer.add_dimension(dimension, "any")
        for name, unit in metrics.units.items():
            writer.add_metric(name, unit, 0)
        directives += writer.serialize_metric_set()["_aws"]["CloudWatchMetrics"]
    return directives
