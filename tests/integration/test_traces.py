"""Spans of a request: one tree, with a real Valkey and models over HTTP."""

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

from functions.ask.app import create_app
from functions.http.gateway import GatewayHandler
from shared.container import Container
from shared.inference.circuit_breaker import CircuitBreakers
from shared.inference.shared_circuit_state import HALF_OPEN_SECONDS, breaker_keys
from shared.observability.json_logging import JsonFormatter
from shared.settings import Settings
from tests.support.http_faults import refuse
from tests.support.huggingface import hashed_answer, hashed_embeddings
from tests.support.local_environment import LocalEnvironment, start_local_environment, write_notes
from tests.support.queues import Context
from tests.support.servers import send_command
from tests.support.traces import TRACE, TRACEPARENT, Tree, traced, trees

MODELS = "127.0.0.1"
EVENT = Path(__file__).parents[1] / "events" / "http_api_v2.json"


def embed_hope_alike(texts: Sequence[str]) -> list[list[float]]:
    """Embed all texts about hope with one vector."""
    return hashed_embeddings(["hope" if "hope" in text else text for text in texts])


def confirm_matches(messages: Sequence[dict[str, str]]) -> str:
    return "YES" if "YES or NO" in messages[0]["content"] else hashed_answer(messages)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with start_local_environment(tmp_path_factory.mktemp("notes")) as running:
        running.models.embed, running.models.answer = embed_hope_alike, confirm_matches
        yield running


@pytest.fixture
def settings(local: LocalEnvironment) -> Settings:
    send_command(local.valkey.port, "FLUSHALL")
    local.models.reset()
    return replace(Settings.from_env(local.environ), local_mode=True, semantic_matcher="rules")


@dataclass
class TracedClient:
    """User ann of an app whose spans are collected."""

    http: httpx.AsyncClient
    collected: InMemorySpanExporter
    models_port: int | None
    redis_port: int

    async def ask(self, query: str, **headers: str) -> Tree:
        """Ask a question and return its tree of spans."""
        self.collected.clear()
        await self.http.post("/assistant/query", json={"query": query}, headers=headers)
        (tree,) = trees(self.collected.get_finished_spans())
        return tree


@pytest.fixture
async def client(settings: Settings, local: LocalEnvironment) -> AsyncIterator[TracedClient]:
    container = Container(settings)
    transport = httpx.ASGITransport(create_app(container))
    headers = {"X-Tercet-User": "ann"}
    await write_notes(container, "ann")
    with traced(settings) as collected:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=headers
        ) as http:
            yield TracedClient(
                http, collected, httpx.URL(settings.chat_url).port, local.valkey.port
            )
    await container.aclose()


async def test_miss_is_one_tree_with_every_step_and_call(client: TracedClient) -> None:
    tree = await client.ask("What is faith?")
    assert tree.names == [
        "POST /assistant/query",
        ["lookup", "EVALSHA lookup"],
        ["load_miss_context", "PIPELINE"],
        ["embed", "embeddings sentence-transformers/all-MiniLM-L6-v2"],
        "search",
        ["generate", "chat meta-llama/Llama-3.1-8B-Instruct"],
        ["store", "PIPELINE"],
    ]
    assert tree.span.kind is SpanKind.SERVER
    assert tree.attributes() == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "url.path": "/assistant/query",
        "http.route": "/assistant/query",
        "http.response.status_code": 200,
        "tercet.tier": "none",
        "tercet.match": "none",
        "tercet.cache": "ok",
    }
    assert tree.attributes("search") == {"db.system.name": "sqlite", "db.operation.name": "search"}
    model = "meta-llama/Llama-3.1-8B-Instruct"
    usage = tree.attributes("generate", f"chat {model}")
    assert usage.pop("gen_ai.usage.input_tokens") > 0
    assert usage.pop("gen_ai.usage.output_tokens") > 0
    assert usage == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "_OTHER",
        "gen_ai.request.model": model,
        "gen_ai.request.max_tokens": 512,
        "gen_ai.response.model": model,
        "gen_ai.response.finish_reasons": ("stop",),
        "server.address": MODELS,
        "server.port": client.models_port,
    }
    redis = {
        "db.system.name": "redis",
        "server.address": "127.0.0.1",
        "server.port": client.redis_port,
    }
    stored = tree.attributes("store", "PIPELINE")
    assert stored.pop("db.operation.batch.size") > 1
    assert stored == redis | {"db.operation.name": "PIPELINE"}
    lookup = tree.attributes("lookup", "EVALSHA lookup")
    procedure = {"db.operation.name": "EVALSHA", "db.stored_procedure.name": "lookup"}
    assert lookup == redis | procedure


async def test_exact_hit_is_one_round_trip(client: TracedClient) -> None:
    await client.ask("What is faith?")
    await client.ask("What is faith?")  # also shares the state of the circuit breaker
    tree = await client.ask("What is faith?")
    assert tree.names == ["POST /assistant/query", ["lookup", "EVALSHA lookup"]]
    assert (tree.attributes()["tercet.tier"], tree.attributes()["tercet.match"]) == ("l1", "exact")


async def test_semantic_match_has_its_own_step(client: TracedClient) -> None:
    await client.ask("What is hope?")
    tree = await client.ask("Define hope")
    assert (tree.attributes()["tercet.tier"], tree.attributes()["tercet.match"]) == (
        "l1",
        "semantic",
    )
    (match,) = (each for each in tree.children if each.name == "match")
    assert "chat meta-llama/Llama-3.1-8B-Instruct" in match.names
    assert "EVALSHA get_answer" in match.names


async def test_error_is_recorded_by_its_type_only(
    client: TracedClient, local: LocalEnvironment
) -> None:
    local.models.failing["/v1/chat/completions"] = refuse(400, "about my doctor: What is faith?")
    tree = await client.ask("What is faith?")
    (generate,) = (each for each in tree.children if each.name == "generate")
    (chat,) = generate.children
    for span in (tree.span, generate.span, chat.span):
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == "InferenceRefusedError"
        assert span.status.description is None
        assert not span.events


async def test_spans_hold_no_private_text(client: TracedClient, local: LocalEnvironment) -> None:
    await client.ask("What is faith?")
    spans = list(client.collected.get_finished_spans())
    local.models.failing["/v1/chat/completions"] = refuse(400, "about my doctor: What is hope?")
    await client.ask("What is hope?")
    spans += client.collected.get_finished_spans()
    exported = "".join(span.to_json() for span in spans).lower()
    assert not [
        word for word in ("what is", "doctor", "evidence", "glorify", "ann") if word in exported
    ]


async def test_request_continues_the_callers_trace_and_models_get_no_traceparent(
    client: TracedClient, local: LocalEnvironment
) -> None:
    tree = await client.ask("What is faith?", traceparent=TRACEPARENT)
    assert tree.trace_id == TRACE
    assert tree.span.parent
    assert f"{tree.span.parent.span_id:016x}" in TRACEPARENT
    assert not [call for call in local.models.calls if "traceparent" in call.headers]


async def test_concurrent_requests_have_separate_trees(client: TracedClient) -> None:
    client.collected.clear()
    queries = [{"query": f"What is the name of star {number}?"} for number in range(5)]
    await asyncio.gather(*(client.http.post("/assistant/query", json=each) for each in queries))
    requests = trees(client.collected.get_finished_spans())
    assert [tree.name for tree in requests] == ["POST /assistant/query"] * 5
    assert {tree.children[0].name for tree in requests} == {"lookup"}
    assert len({tree.trace_id for tree in requests}) == 5


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [("/my/secret", "HTTP", 404), ("/assistant/query", "HTTP /assistant/query", 405)],
)
async def test_unknown_path_and_method_are_not_in_the_span_name(
    client: TracedClient, path: str, name: str, status: int
) -> None:
    client.collected.clear()
    await client.http.request("BREW", path)
    (tree,) = trees(client.collected.get_finished_spans())
    assert tree.name == name
    attributes = tree.attributes()
    assert attributes["http.response.status_code"] == status
    assert (attributes["http.request.method"], attributes["http.request.method_original"]) == (
        "_OTHER",
        "BREW",
    )
    assert "secret" not in tree.span.to_json()
    assert tree.span.status.status_code is StatusCode.UNSET


async def test_follower_of_a_coalesced_question_has_a_wait_step(
    client: TracedClient, local: LocalEnvironment
) -> None:
    client.collected.clear()
    local.models.chat_latency = 0.3
    both = [client.http.post("/assistant/query", json={"query": "What is mercy?"}) for _ in "12"]
    await asyncio.gather(*both)
    local.models.chat_latency = 0.0
    steps = [
        [each.name for each in tree.children]
        for tree in trees(client.collected.get_finished_spans())
    ]
    (follower,) = [each for each in steps if "generate" not in each]
    assert "wait" in follower


async def test_extractive_fallback_has_its_steps(
    client: TracedClient, local: LocalEnvironment, settings: Settings
) -> None:
    key = breaker_keys(CircuitBreakers.from_settings(settings).chat.id).state
    milliseconds = 1_000 * (HALF_OPEN_SECONDS + 15)
    send_command(local.valkey.port, f"SET {key} 1 PX {milliseconds}")
    tree = await client.ask("What is faith?")
    assert {"get_stale", "extract"} <= {each.name for each in tree.children}


def test_lambda_handler_creates_the_same_tree(settings: Settings) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    container = Container(replace(settings, local_mode=False))
    handler = GatewayHandler(create_app(container))
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
    steps = [each.name for each in tree.children]
    assert steps == ["lookup", "load_miss_context", "embed", "search", "generate", "store"]


async def test_log_line_has_its_trace_id(
    client: TracedClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "functions"):
        tree = await client.ask("What is faith?", traceparent=TRACEPARENT)
    line = json.loads(JsonFormatter(messages=False).format(caplog.records[-1]))
    assert line["trace_id"] == TRACE
    assert line["steps"].keys() == {each.name for each in tree.children}
