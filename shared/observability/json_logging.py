"""Logs, as lines of JSON on standard error.

Nothing here writes a question, an answer or a note: an exception is logged by its type and the
places it passed, for its message may quote any of them.
"""

import json
import logging
import re
import time
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.settings import Settings

_OURS = ("functions", "shared", "infra")
_write = json.JSONEncoder(default=str).encode  # `json.dumps` would make one for each line
_SANE = re.compile(r"[!-~]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
_ids: ContextVar[dict[str, str]] = ContextVar("ids", default={})  # noqa: B039  # never changed


def configure_logging(settings: "Settings") -> None:
    """Set up logging for this process, in place of whatever its runtime has set up.

    `log_level` is for Tercet; libraries speak from warnings on.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(messages=settings.log_questions))
    # No line tells thread, process, task or caller: finding them would take longer than the rest.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  # as its HOWTO advises
    logging.basicConfig(force=True, handlers=[handler], level=logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level)


@contextmanager
def log_context(**ids: str) -> "Iterator[None]":
    """Let every line that is logged within tell what it is about, whoever logs it."""
    token = _ids.set(_ids.get() | ids)
    try:
        yield
    finally:
        _ids.reset(token)


def correlation_fields(carried: "Mapping[str, str]") -> dict[str, str]:
    """Find the caller's own id, in headers or attributes by their names in lower case.

    `x-correlation-id` if it is fit for a log (at most 128 visible ASCII characters), else the
    trace of `traceparent`, else nothing.
    """
    if _SANE.fullmatch(given := carried.get("x-correlation-id", "")):
        return {"correlation_id": given}
    trace = _TRACEPARENT.fullmatch(carried.get("traceparent", "")[:128])
    return {"correlation_id": trace[1]} if trace else {}


class JsonFormatter(logging.Formatter):
    """One JSON object a record: what `extra={"log_fields": {...}}` holds becomes its members.

    So do the ids of `about`.
    """

    def __init__(self, *, messages: bool) -> None:
        """`messages`: whether an exception's message, which may quote a question, is written."""
        super().__init__()
        self._messages = messages

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{seconds}.{int(record.msecs):03}+00:00",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ids.get(),
            **getattr(record, "log_fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = self._described(record.exc_info[1])
        return _write(line)

    def _described(self, error: BaseException) -> str:
        if self._messages:
            return "".join(traceback.format_exception(error))
        frames = traceback.extract_tb(error.__traceback__)
        passed = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        cause = error.__cause__ or error.__context__
        return f"{type(error).__name__} at {passed}" + (
            f" from {self._described(cause)}" if cause else ""
        )
