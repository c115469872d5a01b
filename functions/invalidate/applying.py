"""One message, through whichever door it came."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.freshness import Freshness
    from shared.notes.changes import NoteChanged

logger = logging.getLogger(__name__)


async def apply(change: "NoteChanged", freshness: "Freshness", *, message_id: str) -> None:
    """Make a change true, and say what it did; `message_id` is the queue's, for the log.

    Raises:
        UnavailableError: it could not be done whole; the message must come again.
    """
    outcome = await freshness.note_changed(change)
    logger.log(
        logging.INFO if outcome.exact else logging.WARNING,
        "note change %s: %s%s, %d answers dropped, %d kept%s",
        message_id,
        change.operation,
        "" if outcome.applied else " (out of date: the store knows better)",
        outcome.dropped,
        outcome.kept,
        "" if outcome.exact else "; all had to go, because the notes could not be read",
    )
