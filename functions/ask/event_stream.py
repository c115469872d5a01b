"""The response to `POST /assistant/query` as server-sent events.

`metadata` (`MetadataEvent`) comes first, then a `delta` (`DeltaEvent`) for each part of the text,
then `done`: the body of the response without streaming. The deltas together are its `answer`.
`error` (`ErrorEvent`) ends a stream that fails.
"""

from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic_core import to_json

from functions.ask.answer_events import answer_events
from functions.ask.cache_headers import PRIVATE, started_cache_status
from functions.ask.serializers import serialize_start
from functions.http.problems import describe_error
from functions.http.server_sent_events import EventStreamResponse, encode_event
from shared.answer_stream import AnswerStart

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from starlette.requests import Request as HTTPRequest

    from functions.ask.answer_events import Ask
    from functions.ask.schemas import DeltaEvent, ErrorEvent
    from shared.question import Request
    from shared.reply import Reply


def stream_answer(
    http: "HTTPRequest",
    request: "Request",
    ask: "Ask",
    *,
    serialize: "Callable[[Reply], Awaitable[bytes]]",
) -> EventStreamResponse:
    """Return a response that asks and streams the answer.

    Args:
        http: the HTTP request.
        request: the question.
        ask: answers the question.
        serialize: returns the data of the event `done`, as JSON.
    """
    headers = {"Cache-Control": PRIVATE}

    async def encoded() -> "AsyncGenerator[bytes, None]":
        async with aclosing(answer_events(ask)) as events:
            async for event in events:
                if isinstance(event, AnswerStart):
                    headers["Cache-Status"] = started_cache_status(request, event)
                    yield encode_event("metadata", serialize_start(event).decode())
                elif isinstance(event, str):
                    delta: DeltaEvent = {"text": event}
                    yield encode_event("delta", to_json(delta).decode())
                else:
                    yield encode_event("done", (await serialize(event)).decode())

    def encode_error(error: Exception) -> bytes:
        problem, problem_headers = describe_error(http, error)
        retry_after = problem_headers.get("Retry-After")
        document: ErrorEvent = {
            **asdict(problem),  # type: ignore[typeddict-item]  # asdict returns any dictionary
            "discard": True,
            "retry_after": int(retry_after) if retry_after else None,
        }
        return encode_event("error", to_json(document).decode())

    return EventStreamResponse(encoded(), headers=headers, encode_error=encode_error)
