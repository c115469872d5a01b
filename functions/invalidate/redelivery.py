"""When a message comes again that could not be applied: soon at first, then less and less often.

Left alone it would come again when the queue's visibility time-out is over, which is long enough
for a batch to be applied and no other to begin on it. Until then answers from before the change
live on, be what failed as short as it may.
"""

import logging
from typing import TYPE_CHECKING, Any

from shared.errors import InvalidChangeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.aws.queue import Queue

PAUSES = (5, 20, 60, 120, 240)
"""Seconds, after the first time that a message was received, the second and so on."""

HOPELESS = 1
"""The same, of a message that can never be applied: the dead-letter queue is where it is seen."""

NEEDED_MS = 4_000
"""What is left of an invocation, at least, where SQS is told: boto3 must be loaded for it."""

_log = logging.getLogger(__name__)


class Again:
    """Tells a queue when failed messages come again; keeps its client for the next batch."""

    def __init__(self) -> None:
        """boto3 is loaded with the first failure."""
        self._queues: dict[str, Queue] = {}

    def tell(self, failed: "list[tuple[Mapping[str, Any], Exception]]", remaining_ms: int) -> None:
        """See to it that the records that failed come again in time.

        Where that cannot be done they come again all the same, later: nothing is raised.
        """
        try:
            if remaining_ms < NEEDED_MS:
                error = "no time was left to tell the queue"
            else:
                self._tell(failed)
                return
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        log_fields = {"messages": len(failed), "error": error}
        _log.warning("failed messages come again late", extra={"log_fields": log_fields})

    def _tell(self, failed: "list[tuple[Mapping[str, Any], Exception]]") -> None:
        from shared.aws.queue import Delay, Queue  # noqa: PLC0415  # with the first failure

        delays: dict[str, list[Delay]] = {}
        for record, error in failed:
            arn, receipt = record.get("eventSourceARN"), record.get("receiptHandle")
            if arn and receipt:
                delays.setdefault(arn, []).append(Delay(receipt, seconds(record, error)))
        for arn, wanted in delays.items():
            if arn not in self._queues:
                self._queues[arn] = Queue(arn)
            self._queues[arn].delay(wanted)


def seconds(record: "Mapping[str, Any]", error: Exception) -> int:
    """Tell in how many seconds a record comes again that failed so."""
    if isinstance(error, InvalidChangeError):
        return HOPELESS
    attributes = record.get("attributes")
    told = str(attributes.get("ApproximateReceiveCount")) if isinstance(attributes, dict) else ""
    received = int(told) if told.isdecimal() else 1
    return PAUSES[min(max(received, 1), len(PAUSES)) - 1]
