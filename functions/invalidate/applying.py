"""One message, through whichever door it came, and what the log says of it.

The log tells messages by their id, and never holds what they say.
"""

import logging
import traceback
from contextlib import contextmanager
from dataclasses import asdict
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
    # Where the notes could not be read, all of the user's answers had to go: worth a look.
    level = logging.INFO if outcome.exact else logging.WARNING
    facts = {"message_id": message_id, "operation": change.operation, **asdict(outcome)}
    logger.log(level, "note change applied", extra={"facts": facts})


@contextmanager
def explained(message_id: str) -> "Iterator[None]":
    """Log why a message could not be applied; the error goes on its way."""
    try:
        yield
    except Exception as error:
        level, reason = _verdict(error)
        facts = {"message_id": message_id, "reason": reason}
        logger.log(level, "note change failed", extra={"facts": facts})
        raise


def _verdict(error: Exception) -> tuple[int, str]:
    match error:
        case InvalidChangeError():
            return logging.ERROR, f"it can never be applied: {error}"
        case TimeoutError():
            return logging.WARNING, "it must come again: out of time"
        case TercetError():
            return logging.WARNING, f"it must come again: {error}"
        case _:
            # What a library says may quote the note; where it says so does not.
            where = "".join(traceback.format_tb(error.__traceback__))
            return logging.ERROR, f"unexpected {type(error).__qualname__}:\n{where}"
