"""Azure Functions: questions and statistics over HTTP, note changes from a queue.

A worker process has one event loop, so one container serves all of its functions.
"""

import azure.functions as func

from functions.ask import app as ask
from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import build_app
from functions.invalidate import message_metadata
from functions.invalidate.message_metadata import MessageMetadata
from functions.invalidate.processing import message_context, process_change
from functions.stats import app as stats
from shared.notes.messages.note_changed import parse_change

_QUEUE = {
    "messaging.system": "azure_queue_storage",
    "messaging.destination.name": "note-changes",
}

container = open_container()
parts = (ask.build_routes, stats.build_routes, health_route.build_routes)
# No function key: the app verifies bearer tokens itself.
app = func.AsgiFunctionApp(
    build_app(container, *(part(container) for part in parts)),
    http_auth_level=func.AuthLevel.ANONYMOUS,
    function_name="http",
)


@app.function_name("note_changed")
@app.queue_trigger("message", queue_name="note-changes", connection="AzureWebJobsStorage")
async def note_changed(message: func.QueueMessage, context: func.Context) -> None:
    """Apply a note change.

    What it raises makes the message come again, and go to `note-changes-poison` after
    `maxDequeueCount` times.
    """
    body = message_metadata.parse_json(message.get_body())
    message_id = message.id or "queued without an id"
    # A storage queue carries nothing beside a message; its host begins a trace for each, and a
    # CloudEvent in the message may have brought its sender's.
    carrier = _trace_of(context) | dict(message_metadata.from_push_request({}, body).carrier)
    with message_context(MessageMetadata(message_id, carrier, _QUEUE)):
        change = parse_change(body)
        await process_change(change, container.freshness, message_id=message_id)


def _trace_of(context: func.Context) -> dict[str, str]:
    traced = context.trace_context
    told = {"traceparent": traced.trace_parent, "tracestate": traced.trace_state}
    return {name: value for name, value in told.items() if isinstance(value, str) and value}
