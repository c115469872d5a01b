"""A request is one tree of spans, whichever way it takes; everything behind it is real."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from functions.application import behind_gateway
from functions.ask.app import create_app
from functions.invalidate.handler import QueueHandler
from shared.container import Container
from shared.settings import Settings
from shared.telemetry import JsonLines
from tests.support.asking import Surroundings, surroundings, write_notes
from tests.support.http_faults import refuse
from tests.support.huggingface import hashed_answer, hashed_embeddings
from tests.support.queues import Context, body, record
from tests.support.servers import call
from tests.support.traces import Tree, traced, trees

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
MODELS = "127.0.0.1"
EVENT = Path(__file__).parents[1] / "events" / "http_api_v2.json"


def alike(texts: Sequence[str]) -> list[list[float]]:
    """What is about hope is one thing to this model."""
    return hashed_embeddings(["hope" if "hope" in text else text for text in texts])


def obliging(messages: Sequence[dict[str, str]]) -> str:
    return "YES" if "YES or NO" in messages[0]["content"] else hashed_answer(messages)


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with surroundings(tmp_path_factory.mktemp("notes")) as made:
        made.models.embed, made.models.answer = alike, obliging
        yield made


@pytest.fixture
def settings(around: Surroundings) -> Settings:
    call(around.valkey.port, "FLUSHALL")
    around.models.reset()
    return replace(Settings.from_env(around.environ), local_mode=True)


@dataclass
class Asker:
    """Ann, on an app whose spans are collected."""

    http: httpx.AsyncClient
    collected: InMemorySpanExporter

    async def ask(self, query: str, **headers: str) -> Tree:
        """The one tree of spans that a question leaves."""
        self.collected.clear()
        await self.http.post("/assistant/query", json={"query": query}, headers=headers)
        (tree,) = trees(self.collected.get_finished_spans())
        return tree


@pytest.fixture
async def asker(settings: Settings) -> AsyncIterator[Asker]:
    container = Container(settings)
    transport = httpx.ASGITransport(create_app(container))
    headers = {"X-Tercet-User": "ann"}
    await write_notes(container, "ann")
    with traced(settings) as collected:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=headers
        ) as http:
            yield Asker(http, collected)
    await container.aclose()


async def test_a_miss_is_one_tree_with_every_step_and_every_call(asker: Asker) -> None:
    tree = await asker.ask("What is faith?")
    assert tree.names == [
        "POST /assistant/query",
        ["look_up", "EVALSHA"],
        ["survey", "PIPELINE"],
        ["embed", "embeddings sentence-transformers/all-MiniLM-L6-v2"],
        "search",
        ["generate", "chat meta-llama/Llama-3.1-8B-Instruct"],
        ["keep", "PIPELINE"],
    ]
    assert tree.span.kind is SpanKind.SERVER
    assert tree.told() == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "url.path": "/assistant/query",
        "http.route": "/assistant/query",
        "http.response.status_code": 200,
        "tercet.tier": "none",
        "tercet.match": "none",
        "tercet.cache": "ok",
    }
    assert tree.told("search") == {"db.system.name": "sqlite", "db.operation.name": "search"}
    model = "meta-llama/Llama-3.1-8B-Instruct"
    used = tree.told("generate", f"chat {model}")
    assert used.pop("gen_ai.usage.input_tokens") > 0
    assert used.pop("gen_ai.usage.output_tokens") > 0
    assert used == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "huggingface",
        "gen_ai.request.model": model,
        "server.address": MODELS,
    }
    kept = tree.told("keep", "PIPELINE")
    assert (kept["db.system.name"], kept["db.operation.name"]) == ("redis", "PIPELINE")
    assert kept["db.operation.batch.size"] > 1


async def test_an_exact_hit_is_one_round_trip(asker: Asker) -> None:
    await asker.ask("What is faith?")
    await asker.ask("What is faith?")  # tells the other containers of the model's calls
    tree = await asker.ask("What is faith?")
    assert tree.names == ["POST /assistant/query", ["look_up", "EVALSHA"]]
    assert (tree.told()["tercet.tier"], tree.told()["tercet.match"]) == ("l1", "exact")


async def test_another_wording_is_matched_within_its_own_step(asker: Asker) -> None:
    await asker.ask("What is hope?")
    tree = await asker.ask("Define hope")
    assert (tree.told()["tercet.tier"], tree.told()["tercet.match"]) == ("l1", "semantic")
    (match,) = (each for each in tree.within if each.name == "match")
    assert "chat meta-llama/Llama-3.1-8B-Instruct" in match.names
    assert "EVALSHA" in match.names


async def test_a_failure_is_told_by_its_type_alone(asker: Asker, around: Surroundings) -> None:
    around.models.failing["/v1/chat/completions"] = refuse(400, "about my doctor: What is faith?")
    tree = await asker.ask("What is faith?")
    (generate,) = (each for each in tree.within if each.name == "generate")
    (chat,) = generate.within
    for span in (tree.span, generate.span, chat.span):
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "InferenceRefusedError"
        assert span.status.description is None
        assert not span.events


async def test_no_span_holds_what_anybody_wrote(asker: Asker, around: Surroundings) -> None:
    await asker.ask("What is faith?")
    spans = list(asker.collected.get_finished_spans())
    around.models.failing["/v1/chat/completions"] = refuse(400, "about my doctor: What is hope?")
    await asker.ask("What is hope?")
    spans += asker.collected.get_finished_spans()
    told = "".join(span.to_json() for span in spans).lower()
    assert not [
        word for word in ("what is", "doctor", "evidence", "glorify", "ann") if word in told
    ]


async def test_a_request_is_a_part_of_its_callers_trace_and_the_model_is_not(
    asker: Asker, around: Surroundings
) -> None:
    tree = await asker.ask("What is faith?", traceparent=TRACEPARENT)
    assert tree.trace_id == TRACE
    assert tree.span.parent
    assert f"{tree.span.parent.span_id:016x}" in TRACEPARENT
    assert not [call for call in around.models.calls if "traceparent" in call.headers]


async def test_requests_side_by_side_are_trees_of_their_own(asker: Asker) -> None:
    asker.collected.clear()
    queries = [{"query": f"What is the name of star {number}?"} for number in range(5)]
    await asyncio.gather(*(asker.http.post("/assistant/query", json=each) for each in queries))
    made = trees(asker.collected.get_finished_spans())
    assert [tree.name for tree in made] == ["POST /assistant/query"] * 5
    assert {tree.within[0].name for tree in made} == {"look_up"}
    assert len({tree.trace_id for tree in made}) == 5


async def test_unknown_paths_and_methods_do_not_become_names(asker: Asker) -> None:
    asker.collected.clear()
    await asker.http.request("BREW", "/my/secret")
    (tree,) = trees(asker.collected.get_finished_spans())
    assert tree.name == "_OTHER"
    assert tree.told()["http.response.status_code"] == 404
    assert tree.span.status.status_code is StatusCode.UNSET


def test_the_lambda_handler_leaves_the_same_tree(settings: Settings) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    container = Container(replace(settings, local_mode=False))
    handler = behind_gateway(create_app(container))
    loop.run_until_complete(write_notes(container, "ann"))
    with traced(settings) as collected:
        event = json.loads(EVENT.read_text())
        response: Any = handler(event, Context())  # type: ignore[arg-type]  # a part of it
    loop.run_until_complete(container.aclose())
    asyncio.set_event_loop(None)
    loop.close()
    assert response["statusCode"] == 200
    (tree,) = trees(collected.get_finished_spans())
    assert tree.name == "POST /assistant/query"
    steps = [each.name for each in tree.within]
    assert steps == ["look_up", "survey", "embed", "search", "generate", "keep"]


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
    with traced(settings) as collected:
        answer = QueueHandler(lambda: Container(settings))({"Records": [message]}, Context())  # type: ignore[arg-type]  # a part of it
    assert answer == {"batchItemFailures": []}
    (tree,) = trees(collected.get_finished_spans())
    assert tree.trace_id == TRACE
    assert tree.span.kind is SpanKind.CONSUMER
    assert tree.told() == {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": "note-changes",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": "m1",
    }
    assert [each.name for each in tree.within] == [
        "prepare",
        "write_note",
        "raise_fence",
        "read_note",
        "drop",
    ]


def test_a_message_that_cannot_be_applied_says_so_in_its_span(settings: Settings) -> None:
    with traced(settings) as collected:
        event = {"Records": [record("m1", "no JSON at all")]}
        QueueHandler(lambda: Container(settings))(event, Context())  # type: ignore[arg-type]  # a part of it
    (tree,) = trees(collected.get_finished_spans())
    assert tree.told()["error.type"] == "InvalidChangeError"


async def test_a_log_line_names_its_trace(asker: Asker, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "functions"):
        tree = await asker.ask("What is faith?", traceparent=TRACEPARENT)
    line = json.loads(JsonLines(messages=False).format(caplog.records[-1]))
    assert line["trace"] == TRACE
    assert line["steps"].keys() == {each.name for each in tree.within}
