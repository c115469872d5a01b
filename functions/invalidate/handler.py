"""A queue's batches on AWS Lambda: a message is applied, or fails alone and comes again."""

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

# Before pydantic, or it would load Powertools' parser too. What a message needs is imported with
# the first one.
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType

from functions.bootstrap import open_container
from functions.invalidate import message_metadata
from functions.invalidate.processing import apply, explained
from functions.invalidate.redelivery import Again
from shared.observability.json_logging import about
from shared.observability.timings import flush

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from shared.container import Container
    from shared.freshness import Freshness

MARGIN_SECONDS = 1.0
"""What is left of an invocation's time for the response, when work on its records ends."""


class QueueHandler:
    """Applies batches of note changes from SQS, with partial failures.

    One event loop and one container serve every invocation, so connections stay open between
    them. Different users' changes run concurrently, one user's in the order of the batch.
    """

    def __init__(
        self, open_container: "Callable[[], Container]", again: Again | None = None
    ) -> None:
        """Nothing is opened before the first batch.

        Without `again` what failed comes again when the queue's visibility time-out is over.
        """
        self._open_container = open_container
        self._again = again
        self._warm: tuple[asyncio.AbstractEventLoop, Container] | None = None

    def __call__(
        self, event: dict[str, Any], context: "LambdaContext"
    ) -> "PartialItemFailureResponse":
        """Apply a batch; give the ids of the messages that must come again."""
        if self._warm is None or self._warm[0].is_closed():
            # Connections live and die with their loop.
            self._warm = asyncio.new_event_loop(), self._open_container()
        loop, container = self._warm
        seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        applying = _Applying(container.freshness, deadline=loop.time() + seconds)
        batch = _Batch(loop)
        with about(request=context.aws_request_id), batch(event["Records"], applying):
            batch.async_process()
            if applying.failed and self._again:
                self._again.tell(applying.failed, context.get_remaining_time_in_millis())
        flush()
        return batch.response()


class _Batch(AsyncBatchProcessor):
    """Powertools' processor on a loop of ours: its own, outside Lambda, is closed after use."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(EventType.SQS, raise_on_entire_batch_failure=False)
        self._loop = loop

    def async_process(self) -> list[tuple[Any, ...]]:
        async def process() -> list[tuple[Any, ...]]:
            return await asyncio.gather(*map(self._async_process_record, self.records))

        return self._loop.run_until_complete(process())


class _Applying:
    """Applies the records of one batch until `deadline`, a time of the loop's clock."""

    def __init__(self, freshness: "Freshness", *, deadline: float) -> None:
        self._freshness = freshness
        self._deadline = deadline
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.failed: list[tuple[Mapping[str, Any], Exception]] = []

    async def __call__(self, record: "SQSRecord") -> None:
        """Apply one record; whatever it raises makes the message come again.

        Up to the lock nothing is awaited, and a lock is first come, first served: so one user's
        records keep their order.
        """
        try:
            told = message_metadata.queued(record.raw_event)
            with explained(record.message_id, told.carried, of=told.of):
                await self._apply(record)
        except Exception as error:
            self.failed.append((record.raw_event, error))
            raise

    async def _apply(self, record: "SQSRecord") -> None:
        from shared.notes.messages.note_changed import parse_change  # noqa: PLC0415  # see above

        change = parse_change(record.body)
        async with asyncio.timeout_at(self._deadline), self._turns[change.user_id]:
            await apply(change, self._freshness, message_id=record.message_id)


handler = QueueHandler(open_container, Again())
