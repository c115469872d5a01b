"""Where the relay sends note changes: `POST /notes/changes`, or a queue of SQS."""

import asyncio
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from shared.aws.sdk import create_client
from shared.notes.sanitize import sanitize_text

if TYPE_CHECKING:
    from infra.outbox.settings import OutboxSettings

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_REFUSED = frozenset({400, 410, 411, 413, 414, 415, 422, 431})
"""Statuses that the same message gets again."""

_REFUSED_CODES = frozenset({"InvalidMessageContents", "InvalidParameterValue"})
"""Codes of SQS: forbidden characters, or above its maximum of 1 MiB."""

_ESCAPES = {0xFFFE: r"\ufffe", 0xFFFF: r"\uffff"}
"""The characters that SQS refuses, of those that JSON does not escape."""

_SQS_ATTEMPTS = 2
_SQS_SECONDS = 5.0
_MAX_REASON = 300  # characters


class DeliveryError(Exception):
    """The target did not take a message. The text is a reason without the message's content."""


class RefusedError(DeliveryError):
    """The target would refuse the same message again."""


class Target(Protocol):
    """Takes note changes."""

    async def send(self, message: dict[str, Any]) -> None:
        """Deliver a message; it is acknowledged on return.

        Raises:
            RefusedError: the same message would be refused again.
            DeliveryError: it may be accepted later.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


def create_target(settings: "OutboxSettings") -> Target:
    """Create the target that the settings name."""
    if settings.queue_url:
        return QueueTarget(settings.queue_url, settings.aws_region)
    return PushTarget(settings.push_url, settings.push_token, settings.push_token_file)


class PushTarget:
    """Pushes to `POST /notes/changes`, which acknowledges a change that is applied."""

    def __init__(self, url: str, token: str = "", token_file: str = "") -> None:
        """`token_file` is read for each message, so that another program can renew the token."""
        self._url, self._token, self._token_file = url, token, token_file
        self._client = httpx.AsyncClient(timeout=_TIMEOUT)

    async def send(self, message: dict[str, Any]) -> None:  # noqa: D102 - as `Target`
        try:
            token = self._read_token()
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            response = await self._client.post(self._url, json=message, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            raise DeliveryError(f"no response ({type(error).__name__})") from error
        if not response.is_success:
            kind = RefusedError if response.status_code in _REFUSED else DeliveryError
            raise kind(_reason(response))

    async def aclose(self) -> None:  # noqa: D102 - as `Target`
        await self._client.aclose()

    def _read_token(self) -> str:
        if not self._token_file:
            return self._token
        token = Path(self._token_file).read_text(errors="replace").strip()
        if not re.fullmatch("[!-~]*", token):
            raise DeliveryError("OUTBOX_PUSH_TOKEN_FILE must have visible ASCII characters only")
        return token


class QueueTarget:
    """Sends to a queue. Each user is a message group, also of a standard queue.

    A standard queue then delivers the messages of other users before a backlog of one user.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """

    def __init__(self, url: str, region: str) -> None:
        self._url = url
        self._client = create_client(
            "sqs",
            region,
            timeout=_SQS_SECONDS,
            attempts=_SQS_ATTEMPTS,
            needed_by="OUTBOX_QUEUE_URL; OUTBOX_PUSH_URL needs no boto3",
        )

    async def send(self, message: dict[str, Any]) -> None:  # noqa: D102 - as `Target`
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # as boto3

        body = json.dumps(message, ensure_ascii=False).translate(_ESCAPES)
        group = hashlib.sha256(message["user_id"].encode()).hexdigest()
        arguments = {"QueueUrl": self._url, "MessageBody": body, "MessageGroupId": group}
        if self._url.endswith(".fifo"):
            # The text can differ between two deliveries of a record.
            content = hashlib.sha256(body.encode()).hexdigest()
            arguments["MessageDeduplicationId"] = content
        try:
            await asyncio.to_thread(self._client.send_message, **arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "")).rpartition(".")[2]
            kind = RefusedError if code in _REFUSED_CODES else DeliveryError
            raise kind(f"SQS: {code}") from error
        except (BotoCoreError, OSError) as error:
            raise DeliveryError(f"SQS: {type(error).__name__}") from error

    async def aclose(self) -> None:  # noqa: D102 - as `Target`
        self._client.close()


def _reason(response: httpx.Response) -> str:
    """Return the status, and the detail of a problem document, which quotes no content."""
    detail = ""
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        try:
            detail = str(response.json().get("detail", ""))
        except (ValueError, AttributeError, RecursionError):
            detail = ""
    return sanitize_text(f"status {response.status_code} {detail}".strip()[:_MAX_REASON])
