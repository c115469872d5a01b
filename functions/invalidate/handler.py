"""AWS Lambda handler for note changes: SQS batches with partial responses, and single events."""

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

# Imported before pydantic: else it would load Powertools' parser. The rest is imported with the
# first message.
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType

from functions.bootstrap import open_container
from functions.invalidate import message_metadata
from functions.invalidate.event_sources import direct_messages, queue_records
from functions.invalidate.processing import message_context, process_change, serialize_effect
from functions.invalidate.redelivery import RedeliveryBackoff
from functions.warm_up import is_warm_up
from shared.deadline import deadline_scope
from shared.notes.messages.debezium import parse_columns
from shared.observability.json_logging import log_context
from shared.observability.timings import flush_spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from functions.invalidate.message_metadata import MessageMetadata
    from functions.invalidate.schemas import NoteChangeEffect
    from shared.container import Container
    from shared.freshness import NoteChangeResult

MARGIN_SECONDS = 1.0
"""Processing ends this long before the invocation times out, to leave time for the response."""

EMBEDDING_MARGIN_SECONDS = 3.0
"""Embedding ends this long before processing, to leave time to remove the former text."""


class QueueHandler:
    """Processes the events of note changes.

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

    def __call__(self, event: Any, context: "LambdaContext") -> dict[str, Any]:
        """Process an event.

        Returns:
            `batchItemFailures`: the ids of the SQS messages that must be redelivered; of an event
            without a queue also `effects`, one for each message.

        Raises:
            Exception: a change that no queue delivered was not applied; Lambda repeats the event.
        """
        response: dict[str, Any] = {"batchItemFailures": []}
        if is_warm_up(event):
            return response
        if self._warm is None or self._warm[0].is_closed():
            # Connections are bound to their event loop.
            self._warm = asyncio.new_event_loop(), self._open_container()
        loop, container = self._warm
        deadline = loop.time() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        changes = _Changes(container, deadline)
        with log_context(request_id=context.aws_request_id):
            if (records := queue_records(event)) is not None:
                batch = _BatchProcessor(loop)
                self._process_batch(batch(records, changes.apply_record), context)
                response.update(batch.response())
            else:
                messages = direct_messages(event)
                effects = loop.run_until_complete(changes.apply_in_order(messages))
                response["effects"] = effects
        flush_spans()
        return response

    def _process_batch(self, batch: "_BatchProcessor", context: "LambdaContext") -> None:
        with batch:
            batch.async_process()
            if self._backoff and batch.fail_messages:
                failed, errors = cast("Any", batch.fail_messages), cast("Any", batch.exceptions)
                failures = [(r.raw_event, e) for r, (_, e, _) in zip(failed, errors, strict=True)]
                self._backoff.schedule(failures, context.get_remaining_time_in_millis())


class _BatchProcessor(AsyncBatchProcessor):
    """Powertools' processor on a given loop; outside Lambda Powertools closes its own loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(EventType.SQS, raise_on_entire_batch_failure=False)
        self._loop = loop

    def async_process(self) -> list[tuple[Any, ...]]:
        async def process() -> list[tuple[Any, ...]]:
            return await asyncio.gather(*map(self._async_process_record, self.records))

        return self._loop.run_until_complete(process())


class _Changes:
    """Applies the changes of one event until `deadline` (loop time).

    Nothing is awaited before the lock, and `asyncio.Lock` is fair, so the changes of one user stay
    in order.
    """

    def __init__(self, container: "Container", deadline: float) -> None:
        self._freshness = container.freshness
        self._debezium_columns = parse_columns(container.settings.debezium_columns)
        self._deadline = deadline
        self._user_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def apply_record(self, record: "SQSRecord") -> None:
        """Apply the change of an SQS record; an exception marks the message as failed."""
        metadata = message_metadata.from_sqs_record(record.raw_event)
        await self._apply(record.body, metadata)

    async def apply_in_order(self, messages: list[Any]) -> "list[NoteChangeEffect]":
        """Apply changes one after another. Raises the first error after the last change."""
        errors, effects = [], []
        for message in messages:
            try:
                metadata = message_metadata.from_push_request({}, message)
                effects.append(serialize_effect(*await self._apply(message, metadata)))
            except Exception as error:  # logged by `message_context`
                errors.append(error)
        if errors:
            raise errors[0]
        return effects

    async def _apply(self, message: Any, metadata: "MessageMetadata") -> "list[NoteChangeResult]":
        from shared.notes.messages.note_changed import parse_changes  # noqa: PLC0415  # see above

        results = []
        with message_context(metadata):
            for change in parse_changes(message, self._debezium_columns):
                async with asyncio.timeout_at(self._deadline), self._user_locks[change.user_id]:
                    seconds = self._deadline - asyncio.get_running_loop().time()
                    with deadline_scope(seconds - EMBEDDING_MARGIN_SECONDS):
                        result = await process_change(
                            change, self._freshness, message_id=metadata.id
                        )
                results.append(result)
        return results


handler = QueueHandler(open_container, RedeliveryBackoff())
