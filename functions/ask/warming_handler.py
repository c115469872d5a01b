"""AWS Lambda handler of cache warming and judging: messages of an SQS queue, or one event."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from functions.ask.warming_message import parse_message
from functions.bootstrap import open_container
from functions.http.emf_metrics import request_log
from shared.deadline import deadline_scope
from shared.errors import InvalidRequestError
from shared.observability.json_logging import log_context
from shared.observability.timings import flush_spans
from shared.question import Request
from shared.warming import WarmingOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from shared.container import Container

MARGIN_SECONDS = 3.0
"""Warming ends this long before the invocation times out."""

_Outcomes = Counter[str]


class WarmingHandler:
    """Warms for one message after the other, with connections that stay open between them.

    Only an invalid message, an unhandled exception or a lack of time is a failure. What a failing
    model, an open circuit breaker or a used budget left pending is requested by the next change.
    """

    def __init__(self, open_container: "Callable[[], Container]") -> None:
        """Nothing is opened before the first message. `open_container` creates the container."""
        self._open_container = open_container
        self._warm: tuple[asyncio.AbstractEventLoop, Container] | None = None

    def __call__(self, event: Any, context: "LambdaContext") -> dict[str, Any]:
        """Warm; return the outcomes, and the ids of the SQS messages to be received again.

        Raises:
            InvalidRequestError: an event without a queue is no valid message.
        """
        if self._warm is None or self._warm[0].is_closed():
            self._warm = asyncio.new_event_loop(), self._open_container()
        loop, container = self._warm
        with log_context(request_id=context.aws_request_id):
            response = loop.run_until_complete(_process(container, event, context))
        flush_spans()
        return response


async def _process(container: "Container", event: Any, context: "LambdaContext") -> dict[str, Any]:
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return {"outcomes": dict(await _warm(container, event, context))}
    total, failures = _Outcomes(), []
    for record in records:
        try:
            outcomes = await _warm(container, record["body"], context)
        except Exception as error:
            # The message of another error may quote the question.
            reason = str(error) if isinstance(error, InvalidRequestError) else type(error).__name__
            log_fields = {"message_id": record.get("messageId"), "reason": reason}
            request_log.error("warming failed", extra={"log_fields": log_fields})
            outcomes = _Outcomes({WarmingOutcome.UNFINISHED: 1})
        if outcomes[WarmingOutcome.UNFINISHED]:
            failures.append({"itemIdentifier": record.get("messageId")})
        total += outcomes
    return {"batchItemFailures": failures, "outcomes": dict(total)}


async def _warm(container: "Container", body: Any, context: "LambdaContext") -> _Outcomes:
    message = parse_message(body)
    seconds = context.get_remaining_time_in_millis() / 1_000  # less with each message
    with deadline_scope(seconds - MARGIN_SECONDS):
        if message.answer_id is not None:
            verdict = await container.match_judging.judge(message.answer_id, message.user_id)
            request_log.info("match judged", extra={"log_fields": {"outcome": verdict}})
            return _Outcomes([verdict])
        if message.fence is not None:
            outcomes = await container.warmer.warm_pending(message.user_id, message.fence)
        else:
            requests = [
                Request(message.user_id, question, tags=message.tags)
                for question in message.questions or ()
            ]
            outcomes = await container.warmer.warm_given(requests)
    request_log.info("answers warmed", extra={"log_fields": {"outcomes": dict(outcomes)}})
    return _Outcomes(outcomes)


handler = WarmingHandler(open_container)
