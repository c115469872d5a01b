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

from functions.ask.app import create_app
from functions.http.app_factory import gateway_handler
from shared.container import Container
from shared.inference.circuit_breaker import CircuitBreakers
from shared.inference.shared_circuit_state import HALF_OPEN_SECONDS, open_key
from shared.observability.json_logging import JsonFormatter
from shared.settings import Settings
from tests.support.asking import Surroundings, surroundings, write_notes
from tests.support.http_faults import refuse
from tests.support.huggingface import hashed_answer, hashed_embeddings
from tests.support.queues import Context
from tests.support.servers import send_command
from tests.support.traces import TRACE, TRACEPARENT, Tree, traced, trees

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
    send_command(around.valkey.port, "FLUSHALL")
    around.models.reset()
    return replace(Settings.from_env(around.environ), local_mode=True)


@dataclass
class Asker:
    """Ann, on an app whose spans are collected."""

    http: httpx.AsyncClient
    collected: InMemorySpanExporter
    models_port: int | None
    redis_port: int

    async def ask(self, query: str, **headers: str) -> Tree:
        """The one tree of spans that a question leaves."""
        self.collected.clear()
        await self.http.post("/assistant/query", json={"query": query}, headers=headers)
        (tree,) = trees(self.collected.get_finished_spans())
        return tree


@pytest.fixture
async def asker(settings: Settings, around: Surroundings) -> AsyncIterator[Asker]:
    container = Container(settings)
    transport = httpx.ASGITransport(create_app(container))
    headers = {"X-Tercet-User": "ann"}
    await write_notes(container, "ann")
    with traced(settings) as collected:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=headers
        ) as http:
            yield Asker(http, collected, httpx.URL(settings.chat_url).port, around.valkey.port)
    await container.aclose()


async def test_a_miss_is_one_tree_with_every_step_and_every_call(asker: Asker) -> None:
    tree = await asker.ask("What is faith?")
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
    assert tree.told() == {
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
    assert tree.told("search") == {"db.system.name": "sqlite", "db.operation.name": "search"}
    model = "meta-llama/Llama-3.1-8B-Instruct"
    used = tree.told("generate", f"chat {model}")
    assert used.pop("gen_ai.usage.input_tokens") > 0
    assert used.pop("gen_ai.usage.output_tokens") > 0
    assert used == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "_OTHER",
        "gen_ai.request.model": model,
        "gen_ai.request.max_tokens": 512,
        "gen_ai.response.model": model,
        "gen_ai.response.finish_reasons": ("stop",),
        "server.address": MODELS,
        "server.port": asker.models_port,
    }
    redis = {
        "db.system.name": "redis",
        "server.address": "127.0.0.1",
        "server.port": asker.redis_port,
    }
    kept = tree.told("store", "PIPELINE")
    assert kept.pop("db.operation.batch.size") > 1
    assert kept == redis | {"db.operation.name": "PIPELINE"}
    looked_up = tree.told("lookup", "EVALSHA lookup")
    named = {"db.operation.name": "EVALSHA", "db.stored_procedure.name": "lookup"}
    assert looked_up == redis | named


async def test_an_exact_hit_is_one_round_trip(asker: Asker) -> None:
    await asker.ask("What is faith?")
    await asker.ask("What is faith?")  # tells the other containers of the model's calls
    tree = await asker.ask("What is faith?")
    assert tree.names == ["POST /assistant/query", ["lookup", "EVALSHA lookup"]]
    assert (tree.told()["tercet.tier"], tree.told()["tercet.match"]) == ("l1", "exact")


async def test_another_wording_is_matched_within_its_own_step(asker: Asker) -> None:
    await asker.ask("What is hope?")
    tree = await asker.ask("Define hope")
    assert (tree.told()["tercet.tier"], tree.told()["tercet.match"]) == ("l1", "semantic")
    (match,) = (each for each in tree.within if each.name == "match")
    assert "chat meta-llama/Llama-3.1-8B-Instruct" in match.names
    assert "EVALSHA get_answer" in match.names


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
    assert {tree.within[0].name for tree in made} == {"lookup"}
    assert len({tree.trace_id for tree in made}) == 5


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [("/my/secret", "HTTP", 404), ("/assistant/query", "HTTP /assistant/query", 405)],
)
async def test_unknown_paths_and_methods_do_not_become_names(
    asker: Asker, path: str, name: str, status: int
) -> None:
    asker.collected.clear()
    await asker.http.request("BREW", path)
    (tree,) = trees(asker.collected.get_finished_spans())
    assert tree.name == name
    told = tree.told()
    assert told["http.response.status_code"] == status
    assert (told["http.request.method"], told["http.request.method_original"]) == ("_OTHER", "BREW")
    assert "secret" not in tree.span.to_json()
    assert tree.span.status.status_code is StatusCode.UNSET


async def test_whoever_waits_for_the_same_question_says_so(
    asker: Asker, around: Surroundings
) -> None:
    asker.collected.clear()
    around.models.chat_latency = 0.3
    both = [asker.http.post("/assistant/query", json={"query": "What is mercy?"}) for _ in "12"]
    await asyncio.gather(*both)
    around.models.chat_latency = 0.0
    steps = [
        [each.name for each in tree.within] for tree in trees(asker.collected.get_finished_spans())
    ]
    assert sorted("wait" in each for each in steps) == [False, True]


async def test_what_is_made_do_with_says_so(
    asker: Asker, around: Surroundings, settings: Settings
) -> None:
    key = open_key(CircuitBreakers.from_settings(settings).chat.id)
    milliseconds = 1_000 * (HALF_OPEN_SECONDS + 15)
    send_command(around.valkey.port, f"SET {key} 1 PX {milliseconds}")
    tree = await asker.ask("What is faith?")
    assert {"get_stale", "extract"} <= {each.name for each in tree.within}


def test_the_lambda_handler_leaves_the_same_tree(settings: Settings) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    container = Container(replace(settings, local_mode=False))
    handler = gateway_handler(create_app(container))
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
    assert steps == ["lookup", "load_miss_context", "embed", "search", "generate", "store"]


async def test_a_log_line_names_its_trace(asker: Asker, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "functions"):
        tree = await asker.ask("What is faith?", traceparent=TRACEPARENT)
    line = json.loads(JsonFormatter(messages=False).format(caplog.records[-1]))
    assert line["trace_id"] == TRACE
    assert line["steps"].keys() == {each.name for each in tree.within}
