"""Logs, as lines of JSON on standard error.

Nothing here writes a question, an answer or a note: an exception is logged by its type and the
places it passed, for its message may quote any of them.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.settings import Settings

_OURS = ("functions", "shared", "infra")


def configure(settings: "Settings") -> None:
    """Set up logging for this process, in place of whatever its runtime has set up.

    `log_level` is for Tercet; libraries speak from warnings on.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(messages=settings.log_questions))
    # No line tells thread, process, task or caller: finding them would take longer than the rest.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  # as its HOWTO advises
    logging.basicConfig(force=True, handlers=[handler], level=logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level)


class JsonLines(logging.Formatter):
    """One JSON object a record: what `extra={"facts": {...}}` holds becomes its members."""

    def __init__(self, *, messages: bool) -> None:
        """`messages`: whether an exception's message, which may quote a question, is written."""
        super().__init__()
        self._messages = messages

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["exception"] = self._described(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)

    def _described(self, error: BaseException) -> str:
        if self._messages:
            return "".join(traceback.format_exception(error))
        frames = traceback.extract_tb(error.__traceback__)
        passed = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        cause = error.__cause__ or error.__context__
        return f"{type(error).__name__} at {passed}" + (
            f" from {self._described(cause)}" if cause else ""
        )
