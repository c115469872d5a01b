"""AWS Lambda handler for SQS batches of note changes, with partial batch responses."""

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

# Imported before pydantic: else it would load Powertools' parser. The rest is imported with the
# first message.
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType

from functions.bootstrap import open_container
from functions.invalidate import message_metadata
from functions.invalidate.processing import message_context, process_change
from functions.invalidate.redelivery import RedeliveryBackoff
from shared.deadline import deadline_scope
from shared.observability.json_logging import log_context
from shared.observability.timings import flush_spans

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from shared.container import Container
    from shared.freshness import Freshness

MARGIN_SECONDS = 1.0
"""Processing ends this long before the invocation times out, to leave time for the response."""

EMBEDDING_MARGIN_SECONDS = 3.0
"""Embedding ends this long before processing, to leave time to remove the former text."""


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

    def __call__(
        self, event: dict[str, Any], context: "LambdaContext"
    ) -> "PartialItemFailureResponse":
        """Process a batch; return the ids of the messages that must be redelivered."""
        if self._warm is None or self._warm[0].is_closed():
            # Connections are bound to their event loop.
            self._warm = asyncio.new_event_loop(), self._open_container()
        loop, container = self._warm
        deadline = loop.time() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        batch = _BatchProcessor(loop)
        with (
            log_context(request_id=context.aws_request_id),
            batch(event["Records"], _record_handler(container.freshness, deadline)),
        ):
            batch.async_process()
            if self._backoff and batch.fail_messages:
                records, errors = cast("Any", batch.fail_messages), cast("Any", batch.exceptions)
                failed = [(r.raw_event, e) for r, (_, e, _) in zip(records, errors, strict=True)]
                self._backoff.schedule(failed, context.get_remaining_time_in_millis())
        flush_spans()
        return batch.response()


class _BatchProcessor(AsyncBatchProcessor):
    """Powertools' processor on a given loop; outside Lambda Powertools closes its own loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(EventType.SQS, raise_on_entire_batch_failure=False)
        self._loop = loop

    def async_process(self) -> list[tuple[Any, ...]]:
        async def process() -> list[tuple[Any, ...]]:
            return await asyncio.gather(*map(self._async_process_record, self.records))

        return self._loop.run_until_complete(process())


def _record_handler(
    freshness: "Freshness", deadline: float
) -> "Callable[[SQSRecord], Awaitable[None]]":
    """Return the handler of one batch's records, which works until `deadline` (loop time).

    An exception marks a message as failed. Nothing is awaited before the lock, and `asyncio.Lock`
    is fair, so the records of one user stay in order.
    """
    user_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def process(record: "SQSRecord") -> None:
        from shared.notes.messages.note_changed import parse_change  # noqa: PLC0415  # see above

        with message_context(message_metadata.from_sqs_record(record.raw_event)):
            change = parse_change(record.body)
            async with asyncio.timeout_at(deadline), user_locks[change.user_id]:
                seconds = deadline - asyncio.get_running_loop().time()
                with deadline_scope(seconds - EMBEDDING_MARGIN_SECONDS):
                    await process_change(change, freshness, message_id=record.message_id)

    return process


handler = QueueHandler(open_container, RedeliveryBackoff())
