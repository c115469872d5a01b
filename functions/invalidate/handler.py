"""AWS Lambda handler for SQS batches of note changes, with partial batch responses."""

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

# Imported before pydantic: else it would load Powertools' parser. The rest is imported with the
# first message.
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType

from functions.bootstrap import open_container
from functions.invalidate import message_metadata
from functions.invalidate.processing import message_context, process_change
from functions.invalidate.redelivery import RedeliveryBackoff
from shared.observability.json_logging import log_context
from shared.observability.timings import flush_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

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

    def __call__(
        self, event: dict[str, Any], context: "LambdaContext"
    ) -> "PartialItemFailureResponse":
        """Process a batch; return the ids of the messages that must be redelivered."""
        if self._warm is None or self._warm[0].is_closed():
            # Connections are bound to their event loop.
            self._warm = asyncio.new_event_loop(), self._open_container()
        loop, container = self._warm
        seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        process_record = _RecordProcessor(container.freshness, deadline=loop.time() + seconds)
        batch = _BatchProcessor(loop)
        with (
            log_context(request_id=context.aws_request_id),
            batch(event["Records"], process_record),
        ):
            batch.async_process()
            if process_record.failed and self._backoff:
                remaining_ms = context.get_remaining_time_in_millis()
                self._backoff.schedule(process_record.failed, remaining_ms)
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


class _RecordProcessor:
    """Processes the records of one batch until `deadline`, in the loop's time."""

    def __init__(self, freshness: "Freshness", *, deadline: float) -> None:
        self._freshness = freshness
        self._deadline = deadline
        self._user_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.failed: list[tuple[Mapping[str, Any], Exception]] = []

    async def __call__(self, record: "SQSRecord") -> None:
        """Process one record; any exception marks the message as failed.

        Nothing is awaited before the lock, and `asyncio.Lock` is fair, so the records of one user
        stay in order.
        """
        try:
            with message_context(message_metadata.from_sqs_record(record.raw_event)):
                await self._process(record)
        except Exception as error:
            self.failed.append((record.raw_event, error))
            raise

    async def _process(self, record: "SQSRecord") -> None:
        from shared.notes.messages.note_changed import parse_change  # noqa: PLC0415  # see above

        change = parse_change(record.body)
        async with asyncio.timeout_at(self._deadline), self._user_locks[change.user_id]:
            await process_change(change, self._freshness, message_id=record.message_id)


handler = QueueHandler(open_container, RedeliveryBackoff())
