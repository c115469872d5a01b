"""Azure Functions: questions and statistics over HTTP, note changes from a queue.

A worker process has one event loop, so one container serves all of its functions.
"""

import azure.functions as func

from functions import health
from functions.application import build_app
from functions.ask import app as ask
from functions.invalidate.applying import apply, explained
from functions.opening import open_container
from functions.stats import app as stats
from shared.notes.changes import parse_change

container = open_container()
parts = (ask.part, stats.part, health.part)
# No function key: the app verifies bearer tokens itself.
app = func.AsgiFunctionApp(
    build_app(container, *(part(container) for part in parts)),
    http_auth_level=func.AuthLevel.ANONYMOUS,
    function_name="http",
)


@app.function_name("note_changed")
@app.queue_trigger("message", queue_name="note-changes", connection="AzureWebJobsStorage")
async def note_changed(message: func.QueueMessage) -> None:
    """Apply a note change.

    What it raises makes the message come again, and go to `note-changes-poison` after
    `maxDequeueCount` times.
    """
    message_id = message.id or "queued without an id"
    with explained(message_id):
        change = parse_change(message.get_body())
        await apply(change, container.freshness, message_id=message_id)
