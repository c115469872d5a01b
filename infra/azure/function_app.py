"""Azure Functions: questions and statistics over HTTP, note changes from a storage queue.

A worker process has one event loop, so all functions share one container.
"""

import azure.functions as func

from functions.ask import app as ask
from functions.bootstrap import open_container
from functions.http import health_route
from functions.http.app_factory import build_app
from functions.invalidate import message_metadata
from functions.invalidate.message_metadata import MessageMetadata
from functions.invalidate.processing import message_context, process_change
from functions.notes import app as notes
from functions.stats import app as stats
from shared.notes.messages.debezium import parse_columns
from shared.notes.messages.note_changed import parse_changes

_QUEUE = {
    "messaging.system": "azure_queue_storage",
    "messaging.destination.name": "note-changes",
}

container = open_container()
columns = parse_columns(container.settings.debezium_columns)
parts = (ask.build_routes, notes.build_routes, stats.build_routes, health_route.build_routes)
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

    An exception causes a redelivery; after `maxDequeueCount` attempts the message is moved to the
    queue `note-changes-poison`.
    """
    body = message_metadata.parse_json(message.get_body())
    message_id = message.id or "unknown"
    # A storage queue has no message attributes. The host starts a trace; a CloudEvent in the
    # message can contain the sender's trace, which has priority.
    carrier = _host_trace(context) | dict(message_metadata.from_push_request({}, body).carrier)
    with message_context(MessageMetadata(message_id, carrier, _QUEUE)):
        for change in parse_changes(body, columns):
            await process_change(change, container.freshness, message_id=message_id)


def _host_trace(context: func.Context) -> dict[str, str]:
    trace = context.trace_context
    headers = {"traceparent": trace.trace_parent, "tracestate": trace.trace_state}
    return {name: value for name, value in headers.items() if isinstance(value, str) and value}
