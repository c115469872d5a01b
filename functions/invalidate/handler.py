"""AWS Lambda handler for SQS batches of note changes, with partial batch responses.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from functions.bootstrap import open_container
from functions.invalidate import message_metadata
from functions.invalidate.processing import message_context, process_change
from functions.invalidate.redelivery import RedeliveryBackoff
from shared.observability.json_logging import log_context
from shared.observability.timings import flush_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mangum.types import LambdaContext

    from shared.container import Container
    from shared.freshness import Freshness

MARGIN_SECONDS = 1.0
"""Processing ends this long before the invocation times out, to leave time for the response."""


class QueueHandler:
    """Processes SQS batches of note changes.

    One event loop and one container serve every invocation, so connections stay open between
    them. Changes of different users run concurrently; those of one user in batch order.
    """

    def __init__(
        self, open_container: "Callable[[], Container]", backoff: RedeliveryBackoff | None = None
    ) -> None:
        """Nothing is opened before the first batch.

        Args:
            open_container: creates the container.
            backoff: schedules redelivery; without it the queue's visibility timeout applies.
        """
        self._open_container = open_container
        self._backoff = backoff
        self._warm: tuple[asyncio.AbstractEventLoop, Container] | None = None

    def __call__(self, event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
        """Process a batch; return the ids of the messages that must be redelivered.

        Raises:
            Exception: a failed record has no `messageId`; SQS redelivers the whole batch.
        """
        if self._warm is None or self._warm[0].is_closed():
            # Connections are bound to their event loop.
            self._warm = asyncio.new_event_loop(), self._open_container()
        loop, container = self._warm
        deadline = loop.time() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        processor = _RecordProcessor(container.freshness, deadline=deadline)
        with log_context(request_id=context.aws_request_id):
            loop.run_until_complete(processor.process_all(event["Records"]))
            failed = processor.failed
            if failed and self._backoff:
                self._backoff.schedule(failed, context.get_remaining_time_in_millis())
        flush_spans()
        return {
            "batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, _ in failed]
        }


class _RecordProcessor:
    """Processes the records of one batch until `deadline`, in the loop's time."""

    def __init__(self, freshness: "Freshness", *, deadline: float) -> None:
        self._freshness = freshness
        self._deadline = deadline
        self._user_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.failed: list[tuple[Mapping[str, Any], BaseException]] = []

    async def process_all(self, records: "list[Mapping[str, Any]]") -> None:
        """Process records concurrently and collect the failed ones, in batch order."""
        errors = await asyncio.gather(*map(self._process, records), return_exceptions=True)
        pairs = zip(records, errors, strict=True)
        self.failed = [(record, error) for record, error in pairs if error is not None]

    async def _process(self, record: "Mapping[str, Any]") -> None:
        """Process one record.

        Nothing is awaited before the lock, and `asyncio.Lock` is fair, so the records of one user
        stay in order.
        """
        # Loads pydantic, so it is imported with the first message.
        from shared.notes.messages.note_changed import parse_change  # noqa: PLC0415

        metadata = message_metadata.from_sqs_record(record)
        with message_context(metadata):
            change = parse_change(record["body"])
            async with asyncio.timeout_at(self._deadline), self._user_locks[change.user_id]:
                await process_change(change, self._freshness, message_id=metadata.id)


handler = QueueHandler(open_container, RedeliveryBackoff())
