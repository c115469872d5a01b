"""One message, through whichever door it came, and what the log says of it.

The log tells messages by their id, and never holds what they say.
"""

import logging
import traceback
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from functions.http.emf_metrics import embedded, records
from shared.errors import InvalidChangeError, TercetError
from shared.observability.json_logging import about, correlation
from shared.observability.timings import collect_timings, milliseconds, root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.freshness import Freshness
    from shared.notes.messages.note_changed import NoteChanged

_NOTHING: "Mapping[str, str]" = MappingProxyType({})


async def apply(change: "NoteChanged", freshness: "Freshness", *, message_id: str) -> None:
    """Make a change true, and log what it did.

    Raises:
        UnavailableError: it could not be done whole; the message must come again.
    """
    with collect_timings() as steps:
        outcome = await freshness.note_changed(change)
    # Where the notes could not be read, all of the user's answers had to go: worth a look.
    level = logging.INFO if outcome.exact else logging.WARNING
    log_fields = {
        "message_id": message_id,
        "operation": change.operation,
        "applied": outcome.applied,
        "exact": outcome.exact,
        "NoteChanges": 1,
        "AnswersDropped": outcome.dropped,
        "AnswersKept": outcome.kept,
        "LagMs": outcome.lag_ms,
        "Failed": 0,
        "steps": milliseconds(steps),
    }
    records.log(level, "note change applied", extra={"log_fields": embedded(log_fields)})


@contextmanager
def explained(
    message_id: str,
    carried: "Mapping[str, str]" = _NOTHING,
    *,
    of: "Mapping[str, str]" = _NOTHING,
) -> "Iterator[None]":
    """Handle a message: log why it could not be applied; the error goes on its way.

    `carried` came with it, by names in lower case: the trace that it is a part of, and its
    sender's own id. `of` says where it was, as OpenTelemetry's conventions for messaging do.
    """
    attributes = {
        **of,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": message_id,
    }
    with (
        about(message_id=message_id, **correlation(carried)),
        root(_named(of), "consumer", attributes, carried),
    ):
        try:
            yield
        except Exception as error:
            level, reason = _verdict(error)
            log_fields = {"message_id": message_id, "reason": reason, "Failed": 1}
            records.log(level, "note change failed", extra={"log_fields": embedded(log_fields)})
            raise


def _named(of: "Mapping[str, str]") -> str:
    """Name the span as OpenTelemetry's conventions for messaging do."""
    return f"process {of.get('messaging.destination.name', 'note change')}"


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
