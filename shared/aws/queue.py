"""SQS, of which one thing alone is asked: when messages that are being worked on come again."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared.aws.sdk import open_client
from shared.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_AT_ONCE = 10  # of one request's entries; SQS takes no more
_TIMEOUT_SECONDS = 1.0
_ARN_PARTS = 6


class Delay(NamedTuple):
    """In how many seconds a message comes again, by the handle that this receipt of it has."""

    receipt: str
    seconds: int


class Queue:
    """A queue, as whoever received messages of it knows it."""

    def __init__(self, arn: str) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: that is not the ARN of a queue.
        """
        parts = arn.split(":")
        if len(parts) != _ARN_PARTS or parts[2] != "sqs":
            raise ConfigurationError(f"{arn!r} is not the ARN of a queue")
        *_, self._region, self._account, self._name = parts
        self._client: SQSClient | None = None

    def delay(self, delays: Sequence[Delay]) -> None:
        """Have messages come again in their time, not in the queue's own.

        Raises:
            ConfigurationError: boto3 is not installed.
            UnavailableError: SQS did not do it, or not for all.
        """
        if self._client is None:
            self._client = open_client(
                "sqs",
                self._region,
                seconds=_TIMEOUT_SECONDS,
                attempts=1,
                needed_by="what has failed messages come again before the queue's own time",
            )
        client = self._client
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # as boto3

        # The endpoint is chosen by the region; the address only names the queue.
        url = f"{client.meta.endpoint_url}/{self._account}/{self._name}"
        refused = 0
        for some in _portions(delays):
            try:
                told = client.change_message_visibility_batch(
                    QueueUrl=url,
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                        for n, (receipt, seconds) in enumerate(some)
                    ],
                )
            except (BotoCoreError, ClientError) as error:
                raise UnavailableError(f"SQS delays nothing: {error}") from error
            refused += len(told.get("Failed", ()))
        if refused:
            raise UnavailableError(f"SQS did not delay {refused} of {len(delays)} messages")


def _portions(delays: Sequence[Delay]) -> Iterator[Sequence[Delay]]:
    for start in range(0, len(delays), _AT_ONCE):
        yield delays[start : start + _AT_ONCE]
