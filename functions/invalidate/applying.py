"""One message, through whichever door it came, and what the log says of it.

The log tells messages by their id, and never holds what they say.
"""

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import InvalidChangeError, TercetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.freshness import Freshness
    from shared.notes.changes import NoteChanged

logger = logging.getLogger(__name__)


async def apply(change: "NoteChanged", freshness: "Freshness", *, message_id: str) -> None:
    """Make a change true, and log what it did.

    Raises:
        UnavailableError: it could not be done whole; the message must come again.
    """
    outcome = await freshness.note_changed(change)
    logger.log(
        logging.INFO if outcome.exact else logging.WARNING,
        "note change %s: %s%s, %d answers dropped, %d kept%s",
        message_id,
        change.operation,
        "" if outcome.applied else " (the store knows better)",
        outcome.dropped,
        outcome.kept,
        "" if outcome.exact else ": the notes could not be read, so all had to go",
    )


@contextmanager
def explained(message_id: str) -> "Iterator[None]":
    """Log why a message could not be applied; the error goes on its way."""
    try:
        yield
    except Exception as error:
        level, why = _verdict(error)
        logger.log(level, "note change %s %s", message_id, why)
        raise


def _verdict(error: Exception) -> tuple[int, str]:
    match error:
        case InvalidChangeError():
            return logging.ERROR, f"can never be applied: {error}"
        case TimeoutError():
            return logging.WARNING, "must come again: out of time"
        case TercetError():
            return logging.WARNING, f"must come again: {error}"
        case _:
            # What a library says may quote the note; where it says so does not.
            where = "".join(traceback.format_tb(error.__traceback__))
            return logging.ERROR, f"failed unexpectedly: {type(error).__qualname__}\n{where}"
