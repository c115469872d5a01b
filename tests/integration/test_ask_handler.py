"""The Lambda handler of `ask` with gateway events, a real Valkey and real HTTP models."""

import asyncio
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.support.local_environment import (
    NOTES,
    LocalEnvironment,
    start_local_environment,
    write_notes,
)
from tests.support.servers import send_command

EVENTS = Path(__file__).parents[1] / "events"
CONTEXT = SimpleNamespace(aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with start_local_environment(tmp_path_factory.mktemp("notes")) as running:
        yield running


@pytest.fixture
def function(local: LocalEnvironment, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module as a cold start loads it, on a new event loop, with notes of user ann."""
    send_command(local.valkey.port, "FLUSHALL")
    local.models.calls.clear()
    for name, value in local.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)  # preserves the handlers of pytest
    monkeypatch.delitem(sys.modules, "functions.ask.handler", raising=False)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    module = importlib.import_module("functions.ask.handler")
    loop.run_until_complete(write_notes(module.container, "ann"))
    yield module
    loop.run_until_complete(module.container.aclose())
    asyncio.set_event_loop(None)
    loop.close()


def event(name: str = "http_api_v2", *, query: str | None = None, **headers: str) -> dict[str, Any]:
    event_: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    if query is not None:
        event_["body"] = json.dumps({"query": query})
    event_["headers"] |= headers
    return event_


def invoke(function: ModuleType, given: dict[str, Any]) -> Any:
    return function.handler(given, CONTEXT)


def without_metadata(response: dict[str, Any]) -> str:
    """The body's text before its metadata."""
    body: str = response["body"]
    text, separator, _ = body.partition(',"metadata":')
    assert separator
    return text


@pytest.mark.parametrize("gateway", ["http_api_v2", "rest_v1"])
def test_question_is_answered_from_the_callers_notes(function: ModuleType, gateway: str) -> None:
    response = invoke(function, event(gateway))
    assert response["statusCode"] == 200
    assert not response["isBase64Encoded"]
    assert response["headers"]["content-type"] == "application/json"
    assert response["headers"]["cache-control"] == "private, no-store"
    assert response["headers"]["cache-status"].startswith("Tercet; fwd=miss; stored; ttl=86")
    body = json.loads(response["body"])
    assert list(body) == ["answer", "sources", "metadata"]
    assert re.fullmatch(r"The notes refer to \w{16} \[1\]\.", body["answer"])
    assert {source["content"] for source in body["sources"]} == set(NOTES.values())
    for source in body["sources"]:
        assert list(source) == [*("chunk_id", "content", "note_id", "title", "similarity", "cited")]
        assert source["cited"] is (source is body["sources"][0])
        assert source["similarity"] == round(source["similarity"], 6)
    metadata = body["metadata"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", metadata.pop("timestamp"))
    assert metadata.pop("answer_id")
    assert metadata.pop("ttl") == pytest.approx(86_400, abs=2)
    assert metadata == {
        "query": "What is the chief end of man?",
        "tags": [],
        "cached": False,
        "tier": None,
        "match": None,
        "matched_question": None,
        "similarity": None,
        "probability": None,
        "stale": False,
        "extractive": False,
        "incomplete": False,
        "age": 0,
        "cache": "ok",
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "truncated": False,
        "history": None,
        "standalone_question": None,
        "valid_on": None,
    }


def test_cached_answer_differs_in_metadata_only(function: ModuleType) -> None:
    first = invoke(function, event())
    second = invoke(function, event(query="  what is the CHIEF end of man"))
    assert without_metadata(first) == without_metadata(second)
    old, new = (json.loads(response["body"])["metadata"] for response in (first, second))
    assert new == old | {
        "query": "  what is the CHIEF end of man",
        "cached": True,
        "tier": "l1",
        "match": "exact",
        "age": new["age"],
        "ttl": new["ttl"],
    }
    assert new["ttl"] == pytest.approx(2 * 86_400, abs=5), "the hit doubled it"
    assert second["headers"]["cache-status"] == f"Tercet; hit; ttl={new['ttl']}"


def test_exact_hit_calls_no_model(function: ModuleType, local: LocalEnvironment) -> None:
    invoke(function, event())
    calls = len(local.models.calls)
    invoke(function, event())
    assert len(local.models.calls) == calls


def test_warm_invocations_reuse_their_connections(
    function: ModuleType, local: LocalEnvironment
) -> None:
    def redis_connections() -> set[str]:
        lines = send_command(local.valkey.port, "CLIENT LIST").splitlines()
        clients = [line for line in lines if " cmd=" in line and " cmd=client|list" not in line]
        return {found[0] for line in clients if (found := re.search(r"\bid=\d+", line))}

    invoke(function, event(query="What is faith?"))
    first = redis_connections()
    for query in ("When does one prune a pear tree?", "What is hope?", "What is faith?"):
        assert invoke(function, event(query=query))["statusCode"] == 200
        assert redis_connections() == first
    assert len(first) == 1
    assert local.models.count("/v1/chat/completions") == 3
    assert len({call.port for call in local.models.calls}) == 1


def test_no_cache_generates_an_answer_that_replaces_the_cached_one(
    function: ModuleType,
) -> None:
    def answer_id(response: Any) -> Any:
        return json.loads(response["body"])["metadata"]["answer_id"]

    first = invoke(function, event())
    renewed = invoke(function, event(**{"cache-control": "No-Cache"}))
    later = invoke(function, event())
    assert renewed["headers"]["cache-status"].startswith("Tercet; fwd=request; stored; ttl=")
    assert answer_id(first) != answer_id(renewed) == answer_id(later)


def test_no_store_writes_nothing_to_redis(function: ModuleType, local: LocalEnvironment) -> None:
    response = invoke(function, event(**{"cache-control": "no-store"}))
    assert response["headers"]["cache-status"] == "Tercet; fwd=request"
    assert json.loads(response["body"])["metadata"]["cache"] == "off"
    assert send_command(local.valkey.port, "DBSIZE").strip() == ":0"


def test_user_without_notes_gets_a_notice_that_is_not_cached(function: ModuleType) -> None:
    other_user = event()
    other_user["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] = "bob"
    for _ in range(2):
        body = json.loads(invoke(function, other_user)["body"])
        assert body["answer"].startswith("You have no notes yet")
        assert body["sources"] == []
        assert body["metadata"]["cached"] is False
        assert body["metadata"]["answer_id"] is None


def test_load_balancer_event_without_a_token_gets_a_401(function: ModuleType) -> None:
    response = invoke(function, event("alb"))
    assert response["statusCode"] == 401
    detail = json.loads(response["body"])["detail"]
    assert detail == "this server does not accept your credentials"


def test_problem_is_sent_through_the_gateway_as_text(function: ModuleType) -> None:
    response = invoke(function, event(query="?!"))
    assert response["statusCode"] == 422
    assert response["headers"]["content-type"] == "application/problem+json"
    assert not response["isBase64Encoded"]
    problem = json.loads(response["body"])
    assert problem["instance"] == f"urn:uuid:{CONTEXT.aws_request_id}"


def test_question_is_answered_without_redis(
    local: LocalEnvironment, function: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_CACHE_URL", "redis://127.0.0.1:1/0")
    monkeypatch.delitem(sys.modules, "functions.ask.handler")
    cacheless = importlib.import_module("functions.ask.handler")
    response = invoke(cacheless, event())
    assert response["statusCode"] == 200
    assert response["headers"]["cache-status"] == "Tercet; fwd=bypass"
    assert json.loads(response["body"])["metadata"]["cache"] == "unavailable"
    asyncio.get_event_loop().run_until_complete(cacheless.container.aclose())
