"""Structured logging: JSON objects on standard error, one for each line.

Log lines hold no question, answer or note. An exception is logged by its type and its stack
frames, because its message may quote private text.
"""

import json
import logging
import re
import traceback
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from shared.settings import Settings

_PACKAGES = ("functions", "shared", "infra")
_to_json = json.JSONEncoder(default=str).encode  # `json.dumps` would create one for each line
_SAFE_ID = re.compile(r"[!-~]{1,128}")
PROPAGATED = ("traceparent", "tracestate", "x-correlation-id")
"""Headers and message attributes that identify the sender's trace; names in lower case."""

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_context: ContextVar[dict[str, str]] = ContextVar("context", default={})  # noqa: B039  # never mutated


def configure_logging(settings: "Settings") -> None:
    """Configure logging of this process, and replace the configuration of its runtime.

    `log_level` applies to Tercet's loggers; those of libraries log warnings and errors.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(messages=settings.log_questions))
    # Collecting thread, process and caller would take longer than the rest; no line shows them.
    # https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  # as the documentation recommends
    logging.basicConfig(force=True, handlers=[handler], level=logging.WARNING)
    for name in _PACKAGES:
        logging.getLogger(name).setLevel(settings.log_level)


class _LogContext:
    """A class, because a generator context manager takes twice as long."""

    __slots__ = ("_ids", "_token")
    _token: Token[dict[str, str]]

    def __init__(self, ids: dict[str, str]) -> None:
        self._ids = ids

    def __enter__(self) -> None:
        self._token = _context.set(_context.get() | self._ids)

    def __exit__(self, *_: object) -> None:
        _context.reset(self._token)


def log_context(**ids: str) -> "AbstractContextManager[None]":
    """Add ids to every line that is logged within, by any logger."""
    return _LogContext(ids)


def propagated(headers: "Mapping[str, str]") -> dict[str, str]:
    """Select the headers or attributes that identify the sender's trace; names in lower case."""
    return {name: headers[name] for name in PROPAGATED if name in headers}


def correlation_fields(carrier: "Mapping[str, str]") -> dict[str, str]:
    """Return the sender's correlation id as a log field.

    Args:
        carrier: headers or attributes, names in lower case.

    Returns:
        `x-correlation-id` if it is at most 128 visible ASCII characters, else the trace id of
        `traceparent`, else nothing.
    """
    if not carrier:
        return {}
    if _SAFE_ID.fullmatch(correlation_id := carrier.get("x-correlation-id", "")):
        return {"correlation_id": correlation_id}
    trace = _TRACEPARENT.fullmatch(carrier.get("traceparent", "")[:128])
    return {"correlation_id": trace[1]} if trace else {}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object.

    The object has the members of `extra={"log_fields": {...}}` and the ids of `log_context`.
    """

    def __init__(self, *, messages: bool) -> None:
        """`messages`: whether to log exception messages, which may quote a question."""
        super().__init__()
        self._messages = messages

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat("T", "milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get(),
            **getattr(record, "log_fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = self._format_exception(record.exc_info[1])
        return _to_json(line)

    def _format_exception(self, error: BaseException) -> str:
        if self._messages:
            return "".join(traceback.format_exception(error))
        frames = traceback.extract_tb(error.__traceback__)
        path = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        cause = error.__cause__ or error.__context__
        suffix = f" from {self._format_exception(cause)}" if cause else ""
        return f"{type(error).__name__} at {path}{suffix}"
