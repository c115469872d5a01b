"""Visibility timeouts of messages in an SQS queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared.aws.sdk import create_client
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH_SIZE = 10  # the most entries that SQS accepts in one request
_TIMEOUT_SECONDS = 1.0
_ARN_PARTS = 6


class VisibilityTimeout(NamedTuple):
    """The seconds until SQS redelivers the message that has this receipt handle."""

    receipt_handle: str
    seconds: int


class Queue:
    """An SQS queue, by its ARN."""

    def __init__(self, arn: str) -> None:
        """Parse the ARN and create the client.

        Raises:
            ConfigurationError: it is not the ARN of an SQS queue, or boto3 is not installed.
        """
        parts = arn.split(":")
        if len(parts) != _ARN_PARTS or parts[2] != "sqs":
            raise ConfigurationError(f"{arn!r} is not the ARN of an SQS queue")
        *_, region, self._account, self._name = parts
        self._client: SQSClient = create_client(
            "sqs",
            region,
            timeout=_TIMEOUT_SECONDS,
            attempts=1,
            needed_by="the redelivery backoff of failed messages; without it they are"
            " redelivered after the queue's visibility timeout",
        )

    def change_visibility(self, timeouts: Sequence[VisibilityTimeout]) -> None:
        """Set the visibility timeouts of received messages.

        Raises:
            UnavailableError: SQS did not change all of them.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # as boto3

        # botocore's endpoint is the region's; the path names the queue.
        url = f"{self._client.meta.endpoint_url}/{self._account}/{self._name}"
        failed = 0
        for start in range(0, len(timeouts), _BATCH_SIZE):
            batch = timeouts[start : start + _BATCH_SIZE]
            try:
                response = self._client.change_message_visibility_batch(
                    QueueUrl=url,
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                        for n, (receipt, seconds) in enumerate(batch)
                    ],
                )
            except (BotoCoreError, ClientError) as error:
                raise UnavailableError(f"SQS changed no visibility timeout: {error}") from error
            failed += len(response.get("Failed", ()))
        if failed:
            raise UnavailableError(
                f"SQS did not change {failed} of {len(timeouts)} visibility timeouts"
            )
