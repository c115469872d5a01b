"""Spans of messages: processing continues the sender's trace, from a queue and over HTTP."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from opentelemetry.trace import SpanKind

from functions.invalidate import app as invalidate
from functions.invalidate.handler import QueueHandler
from shared.container import Container
from shared.observability.timings import timed
from shared.settings import Settings
from tests.support.local_environment import LocalEnvironment, start_local_environment
from tests.support.queues import Context, body, close, record
from tests.support.servers import send_command
from tests.support.traces import TRACE, TRACEPARENT, traced, trees


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with start_local_environment(tmp_path_factory.mktemp("notes")) as running:
        yield running


@pytest.fixture
def settings(local: LocalEnvironment) -> Settings:
    send_command(local.valkey.port, "FLUSHALL")
    return replace(Settings.from_env(local.environ), local_mode=True)


@pytest.mark.parametrize(
    ("attribute", "system"),
    [
        ({"traceparent": {"stringValue": TRACEPARENT, "dataType": "String"}}, {}),
        (
            {},
            {
                "AWSTraceHeader": f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=b7ad6b7169203331;"
                "Sampled=1;Lineage=1:a87bd80c:0"
            },
        ),
    ],
    ids=["message attribute", "X-Ray"],
)
def test_queue_message_continues_the_senders_trace(
    settings: Settings, attribute: dict[str, Any], system: dict[str, str]
) -> None:
    message = record("m1", body("ann", "n", "updated", 1, "Faith is trust."))
    message["messageAttributes"] |= attribute
    message["attributes"] |= system
    handler = QueueHandler(lambda: Container(settings))
    with traced(settings) as collected:
        response = handler({"Records": [message]}, Context())  # type: ignore[arg-type]  # a part of it
    close(handler)
    assert response == {"batchItemFailures": []}
    (tree,) = trees(collected.get_finished_spans())
    assert (tree.name, tree.trace_id) == ("process note-changes", TRACE)
    assert tree.span.kind is SpanKind.CONSUMER
    assert tree.attributes() == {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": "note-changes",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": "m1",
    }
    assert [each.name for each in tree.children] == [
        "ingest",
        "write_note",
        "rotate_fence",
        "read_note",
        "drop_entries",
    ]


def test_span_of_an_invalid_message_has_the_error_type(settings: Settings) -> None:
    with traced(settings) as collected:
        event = {"Records": [record("m1", "not JSON")]}
        QueueHandler(lambda: Container(settings))(event, Context())  # type: ignore[arg-type]  # a part of it
    (tree,) = trees(collected.get_finished_spans())
    assert tree.attributes()["error.type"] == "InvalidChangeError"


@pytest.mark.parametrize("with_traceparent", [True, False])
async def test_pushed_message_continues_the_senders_trace_or_that_of_its_request(
    settings: Settings, *, with_traceparent: bool
) -> None:
    """A Pub/Sub push; the span is named by the subscription."""
    data = base64.b64encode(body("ann", "n", "updated", 1, "Faith is trust.").encode()).decode()
    attributes = {"googclient_traceparent": TRACEPARENT} if with_traceparent else {}
    message = {"data": data, "messageId": "7", "attributes": attributes}
    envelope = {"message": message, "subscription": "projects/p/subscriptions/changes"}
    container = Container(settings)
    with traced(settings) as collected:
        transport = httpx.ASGITransport(invalidate.create_app(container))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            pushed = await http.post(
                "/notes/changes", json=envelope, headers={"X-Tercet-User": "queue"}
            )
    await container.aclose()
    assert pushed.status_code == 200, pushed.text
    forest = trees(collected.get_finished_spans())
    assert len(forest) == (2 if with_traceparent else 1)
    span = (
        next(tree for tree in forest if tree.trace_id == TRACE)
        if with_traceparent
        else forest[0].children[0]
    )
    assert span.name == "process changes"
    attributes = span.attributes()
    assert (attributes["messaging.system"], attributes["messaging.message.id"]) == (
        "gcp_pubsub",
        "7",
    )
    assert attributes["messaging.destination.name"] == "changes"


def test_store_span_has_the_store_type_and_address() -> None:
    def search(**settings: Any) -> dict[str, Any]:
        with traced(Settings(**settings)) as collected:
            with timed("search"):
                pass
            (tree,) = trees(collected.get_finished_spans())
        return tree.attributes()

    named = {"db.operation.name": "search"}
    assert search(database_url="sqlite:///postgres.db") == named | {"db.system.name": "sqlite"}
    postgres = named | {"db.system.name": "postgresql"}
    assert search(database_url_secret="arn:x", aws_region="eu-central-1") == postgres
    address = {"server.address": "db.example.org"}
    for url, port in (
        ("postgresql://ann:secret@db.example.org/notes", 5432),
        ("postgres://db.example.org:6543/notes", 6543),
    ):
        assert search(database_url=url) == postgres | address | {"server.port": port}
