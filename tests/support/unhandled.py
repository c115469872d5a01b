"""Exceptions that the product logs as unhandled instead of raising them, so that it can answer."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = "shared", "functions"


@contextmanager
def record_unhandled() -> Iterator[list[BaseException]]:
    """Collect the exceptions that are logged as unhandled while the block runs."""
    recorder = _Recorder()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(recorder)
    try:
        yield recorder.exceptions
    finally:
        for logger in loggers:
            logger.removeHandler(recorder)


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.exceptions: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self.exceptions.append(record.exc_info[1])
