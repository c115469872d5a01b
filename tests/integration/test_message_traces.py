"""A message's handling is a span of its sender's trace, whichever way the message came."""

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
from tests.support.asking import Surroundings, surroundings
from tests.support.queues import Context, body, close, record
from tests.support.servers import send_command
from tests.support.traces import TRACE, TRACEPARENT, traced, trees


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("notes")) as made:
        yield made


@pytest.fixture
def settings(around: Surroundings) -> Settings:
    send_command(around.valkey.port, "FLUSHALL")
    return replace(Settings.from_env(around.environ), local_mode=True)


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
def test_a_messages_handling_is_a_part_of_its_senders_trace(
    settings: Settings, attribute: dict[str, Any], system: dict[str, str]
) -> None:
    message = record("m1", body("ann", "n", "updated", 1, "Faith is trust."))
    message["messageAttributes"] |= attribute
    message["attributes"] |= system
    handler = QueueHandler(lambda: Container(settings))
    with traced(settings) as collected:
        answer = handler({"Records": [message]}, Context())  # type: ignore[arg-type]  # a part of it
    close(handler)
    assert answer == {"batchItemFailures": []}
    (tree,) = trees(collected.get_finished_spans())
    assert (tree.name, tree.trace_id) == ("process note-changes", TRACE)
    assert tree.span.kind is SpanKind.CONSUMER
    assert tree.told() == {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": "note-changes",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": "m1",
    }
    assert [each.name for each in tree.within] == [
        "ingest",
        "write_note",
        "rotate_fence",
        "read_note",
        "drop_entries",
    ]


def test_a_message_that_cannot_be_applied_says_so_in_its_span(settings: Settings) -> None:
    with traced(settings) as collected:
        event = {"Records": [record("m1", "no JSON at all")]}
        QueueHandler(lambda: Container(settings))(event, Context())  # type: ignore[arg-type]  # a part of it
    (tree,) = trees(collected.get_finished_spans())
    assert tree.told()["error.type"] == "InvalidChangeError"


@pytest.mark.parametrize("carried", [True, False])
async def test_a_pushed_message_is_a_part_of_its_senders_trace_else_of_its_requests(
    settings: Settings, *, carried: bool
) -> None:
    """As Pub/Sub pushes it: what is handled is told by its subscription."""
    data = base64.b64encode(body("ann", "n", "updated", 1, "Faith is trust.").encode()).decode()
    attributes = {"googclient_traceparent": TRACEPARENT} if carried else {}
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
    assert pushed.status_code == 204, pushed.text
    made = trees(collected.get_finished_spans())
    assert len(made) == (2 if carried else 1)
    handled = (
        next(tree for tree in made if tree.trace_id == TRACE) if carried else made[0].within[0]
    )
    assert handled.name == "process changes"
    told = handled.told()
    assert (told["messaging.system"], told["messaging.message.id"]) == ("gcp_pubsub", "7")
    assert told["messaging.destination.name"] == "changes"


def test_the_note_store_is_told_by_what_it_is_and_where() -> None:
    def search(**settings: Any) -> dict[str, Any]:
        with traced(Settings(**settings)) as collected:
            with timed("search"):
                pass
            (tree,) = trees(collected.get_finished_spans())
        return tree.told()

    named = {"db.operation.name": "search"}
    assert search(database_url="sqlite:///postgres.db") == named | {"db.system.name": "sqlite"}
    postgres = named | {"db.system.name": "postgresql"}
    assert search(database_url_secret="arn:x", aws_region="eu-central-1") == postgres
    there = {"server.address": "db.example.org"}
    for url, port in (
        ("postgresql://ann:secret@db.example.org/notes", 5432),
        ("postgres://db.example.org:6543/notes", 6543),
    ):
        assert search(database_url=url) == postgres | there | {"server.port": port}
    assert search(database_url="postgresql://db:nonsense/notes") == postgres
