"""Sends messages to an SQS queue, which the function of cache warming receives."""

import asyncio
import json
import logging
from typing import Any

from shared.aws.sdk import create_client

_TIMEOUT_SECONDS = 1.0
_ATTEMPTS = 2

_log = logging.getLogger(__name__)


class WarmingQueue:
    """Sends to a queue; boto3 is loaded with the first message."""

    def __init__(self, url: str, region: str) -> None:
        self._url, self._region = url, region
        self._client: Any = None

    async def send(self, user_id: str, fence: str) -> None:
        """Request warming of a user's pending questions. Never raises: no note change fails."""
        await self._try_to_send(user_id=user_id, fence=fence)

    async def send_match(self, answer_id: str, user_id: str) -> None:
        """Request that the match of a response is judged. Never raises."""
        await self._try_to_send(user_id=user_id, answer_id=answer_id)

    async def _try_to_send(self, **message: str) -> None:
        try:
            await asyncio.to_thread(self._send, json.dumps(message))
        except Exception as error:
            log_fields = {"error": type(error).__name__}
            _log.warning("a message was not sent", extra={"log_fields": log_fields})

    def _send(self, body: str) -> None:
        if self._client is None:
            self._client = create_client(
                "sqs",
                self._region,
                timeout=_TIMEOUT_SECONDS,
                attempts=_ATTEMPTS,
                needed_by="WARM_QUEUE_URL; WARM_QUEUE_URL=in-process needs none",
            )
        self._client.send_message(QueueUrl=self._url, MessageBody=body)
