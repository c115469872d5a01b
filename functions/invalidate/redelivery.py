"""Backoff for the redelivery of messages that could not be processed.

Without it, SQS redelivers a failed message after the queue's visibility timeout. That timeout is
long, so that a batch is not received twice while it is processed. Until redelivery the cache may
serve answers from before the change.
"""

import logging
from typing import TYPE_CHECKING, Any

from shared.errors import InvalidChangeError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient

BACKOFF_SECONDS = (5, 20, 60, 120, 240)
"""Visibility timeout after the first, second, ... time that a message was received."""

POISON_MESSAGE_SECONDS = 1
"""Visibility timeout of an invalid message, so that it soon reaches the dead-letter queue."""

MIN_REMAINING_MS = 4_000
"""Remaining time of the invocation that is needed to load boto3 and call SQS."""

_TIMEOUT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class RedeliveryBackoff:
    """Sets the visibility timeouts of failed messages; loads boto3 with the first failure."""

    def __init__(self) -> None:
        self._client: SQSClient | None = None  # a function has one queue

    def schedule(
        self, failed: "list[tuple[Mapping[str, Any], Exception]]", remaining_ms: int
    ) -> None:
        """Schedule the redelivery of failed records. Never raises.

        If it fails, SQS redelivers the messages after the queue's own visibility timeout.

        Args:
            failed: SQS records, each with the error of its processing.
            remaining_ms: remaining time of the invocation, in milliseconds.
        """
        try:
            self._change_visibility(failed, remaining_ms)
        except Exception as error:
            log_fields = {"messages": len(failed), "error": f"{type(error).__name__}: {error}"}
            _log.warning("redelivery backoff not applied", extra={"log_fields": log_fields})

    def _change_visibility(
        self, failed: "list[tuple[Mapping[str, Any], Exception]]", remaining_ms: int
    ) -> None:
        if remaining_ms < MIN_REMAINING_MS:
            raise TimeoutError(f"less than {MIN_REMAINING_MS} ms of the invocation were left")
        *_, region, account, name = failed[0][0]["eventSourceARN"].split(":")
        if self._client is None:
            from shared.aws.sdk import create_client  # noqa: PLC0415  # with the first failure

            self._client = create_client(
                "sqs",
                region,
                timeout=_TIMEOUT_SECONDS,
                attempts=1,
                needed_by="the redelivery backoff of failed messages; without it they are"
                " redelivered after the queue's visibility timeout",
            )
        # botocore's endpoint is the region's; the path names the queue.
        response = self._client.change_message_visibility_batch(
            QueueUrl=f"{self._client.meta.endpoint_url}/{account}/{name}",
            Entries=[  # at most ten, as SQS accepts: `BatchSize` in template.yaml
                {
                    "Id": str(n),
                    "ReceiptHandle": record["receiptHandle"],
                    "VisibilityTimeout": redelivery_delay(record, error),
                }
                for n, (record, error) in enumerate(failed)
            ],
        )
        if refused := response.get("Failed"):
            raise UnavailableError(
                f"SQS did not change {len(refused)} of {len(failed)} visibility timeouts"
            )


def redelivery_delay(record: "Mapping[str, Any]", error: Exception) -> int:
    """Return the visibility timeout, in seconds, of a record whose processing failed."""
    if isinstance(error, InvalidChangeError):
        return POISON_MESSAGE_SECONDS
    attributes = record.get("attributes")
    count = str(attributes.get("ApproximateReceiveCount")) if isinstance(attributes, dict) else ""
    received = int(count) if count.isdecimal() else 1
    return BACKOFF_SECONDS[min(max(received, 1), len(BACKOFF_SECONDS)) - 1]
