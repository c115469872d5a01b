"""Processing and logging of one note-change message, from a queue or from a push request.

The log identifies messages by id and never holds their content.
"""

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from functions.http.emf_metrics import request_log, with_emf
from shared.errors import InvalidChangeError, TercetError
from shared.observability.json_logging import correlation_fields, log_context
from shared.observability.timings import collect_timings, start_span, total_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from functions.invalidate.message_metadata import MessageMetadata
    from functions.invalidate.schemas import NoteChangeEffect
    from shared.freshness import Freshness, NoteChangeResult
    from shared.notes.messages.note_changed import NoteChanged
    from shared.observability.timings import Attributes


async def process_change(
    change: "NoteChanged",
    freshness: "Freshness",
    *,
    message_id: str,
    replaces: int | None = None,
) -> "NoteChangeResult":
    """Apply a note change and log the outcome; `replaces` is as in `NoteStore`.

    Raises:
        UnavailableError: the change was not applied completely; the message must be redelivered.
    """
    with collect_timings() as steps:
        outcome = await freshness.note_changed(change, replaces=replaces)
    # If the note was unreadable, all of the user's cached answers were dropped.
    level = logging.INFO if outcome.precise else logging.WARNING
    log_fields = {
        "message_id": message_id,
        "operation": change.operation,
        "stored": outcome.stored,
        "precise": outcome.precise,
        "NoteChanges": 1,
        "AnswersDropped": outcome.dropped,
        "AnswersRetained": outcome.retained,
        "LagMs": outcome.lag_ms,
        "FutureTimes": int(outcome.is_future),
        "Failed": 0,
        "steps": total_milliseconds(steps),
    }
    request_log.log(level, "note change applied", extra={"log_fields": with_emf(log_fields)})
    return outcome


def serialize_effect(*results: "NoteChangeResult") -> "NoteChangeEffect":
    """Return the response body for the results of a message: one, but of Debezium's up to two."""
    return {
        "stored": all(result.stored for result in results),
        "dropped": sum(result.dropped for result in results),
        "retained": sum(result.retained for result in results),
        "precise": all(result.precise for result in results),
    }


@contextmanager
def message_context(metadata: "MessageMetadata") -> "Iterator[None]":
    """Trace the processing of a message, and log the reason if it fails.

    Log lines within carry the message id and the sender's correlation id. Errors are re-raised.
    """
    with (
        log_context(message_id=metadata.id, **correlation_fields(metadata.carrier)),
        start_span("consumer", _describe, metadata, metadata.carrier),
    ):
        try:
            yield
        except Exception as error:
            level, reason = _failure_reason(error)
            log_fields = {"message_id": metadata.id, "reason": reason, "Failed": 1}
            request_log.log(level, "note change failed", extra={"log_fields": with_emf(log_fields)})
            raise


def _describe(metadata: "MessageMetadata") -> "tuple[str, Attributes]":
    """Return the span's name and attributes by the semantic conventions for messaging."""
    attributes = {
        **metadata.span_attributes,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": metadata.id,
    }
    destination = metadata.span_attributes.get("messaging.destination.name", "note change")
    return f"process {destination}", attributes


def _failure_reason(error: Exception) -> tuple[int, str]:
    match error:
        case InvalidChangeError():
            return logging.ERROR, f"invalid message, redelivery will not help: {error}"
        case TimeoutError():
            return logging.WARNING, "timed out, must be redelivered"
        case TercetError():
            return logging.WARNING, f"must be redelivered: {error}"
        case _:
            # A library's error message may quote the note; its stack frames do not.
            frames = "".join(traceback.format_tb(error.__traceback__))
            return logging.ERROR, f"unhandled exception {type(error).__qualname__}:\n{frames}"
