"""Warm-up events: scheduled invocations that keep a function's process alive."""

from collections.abc import Mapping
from typing import Any

_SOURCES = ("aws.events", "aws.scheduler", "serverless-plugin-warmup")
_MARKERS = ("warmer", "warmup", "warm", "keep-warm", "keep_warm")


def is_warm_up(event: Any) -> bool:
    """Return whether an event is a schedule's, or has the marker of a common warm-up tool.

    https://github.com/jeremydaly/lambda-warmer, https://github.com/juanjoDiaz/serverless-plugin-warmup
    """
    if not isinstance(event, Mapping) or "requestContext" in event or "operation" in event:
        return False
    return event.get("source") in _SOURCES or any(event.get(name) for name in _MARKERS)
