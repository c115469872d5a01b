"""What all routes share: the version, HEAD, the base path, CORS, correlation ids, encodings."""

import asyncio
import gzip
import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from functions.http.gateway import GatewayHandler
from infra.local.commands.serve import build_local_app
from shared.container import Container
from shared.settings import Settings
from tests.support.fakes import HashingEmbedder, SlowAnswerer
from tests.support.huggingface import serving
from tests.support.memory_note_store import MemoryNoteStore

ORIGIN = "https://app.example"
JSON = {"Content-Type": "application/json"}
QUESTION = {"query": "What is faith?"}


def app_of(**settings: Any) -> Any:
    chosen: dict[str, Any] = {"local_mode": True, "cache_enabled": False, "embedding_dimensions": 8}
    container = Container(
        Settings(**chosen | settings),
        store=MemoryNoteStore(),
        embedder=HashingEmbedder(),
        answerer=SlowAnswerer(),
    )
    return build_local_app(container)


def client_of(**settings: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app_of(**settings))
    return httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"X-Tercet-User": "ann"}
    )


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_question_is_answered_with_and_without_the_version(prefix: str) -> None:
    async with client_of() as client:
        response = await client.post(f"{prefix}/assistant/query", json=QUESTION)
        health = await client.get(f"{prefix}/health")
    assert response.status_code == health.status_code == 200
    assert response.json()["metadata"]["query"] == "What is faith?"


async def test_unknown_version_is_not_found() -> None:
    async with client_of() as client:
        for path in ("/v2/health", "/v1/v1/health", "/v1", "/v1health"):
            response = await client.get(path)
            assert (response.status_code, response.json()["title"]) == (404, "Not Found")


async def test_head_has_the_headers_of_get_and_no_content() -> None:
    async with client_of() as client:
        for path in ("/v1/health", "/health", "/openapi.json", "/assistant/dashboard"):
            head, get = await client.head(path), await client.get(path)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-type"] == get.headers["content-type"]
        refused = await client.head("/v1/assistant/query")
        missing = await client.head("/nothing")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert (missing.status_code, missing.content) == (404, b"")


def test_head_over_a_socket_keeps_the_connection_open() -> None:
    """The server knows that no content follows, whatever the length says."""
    with serving(app_of()) as url, httpx.Client(base_url=url) as client:
        lengths = [client.head("/v1/openapi.json").headers.get("content-length")]
        lengths += [client.head("/openapi.json").headers.get("content-length")]
        assert client.get("/health").status_code == 200
    assert int(lengths[1] or 0) > 1_000


async def test_method_that_is_not_allowed_names_head_beside_get() -> None:
    async with client_of() as client:
        response = await client.post("/v1/health")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/tercet/v1/health", "/tercet/health", "/v1/health"])
async def test_base_path_may_be_present_or_removed(path: str) -> None:
    async with client_of(base_path="/tercet") as client:
        assert (await client.get(path)).status_code == 200
        other = await client.get("/tercetx/v1/health")
        start = await client.get("/tercet/")
    assert other.status_code == 404
    assert start.headers["location"] == "/tercet/playground"


@pytest.mark.parametrize("origins", [ORIGIN, f"https://other.example, {ORIGIN}"])
async def test_preflight_of_an_allowed_origin_allows_methods_and_headers(origins: str) -> None:
    wanted = "authorization, content-type, if-match, x-correlation-id, x-tercet-user"
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": wanted,
    }
    async with client_of(cors_allow_origins=origins) as client:
        response = await client.options("/v1/assistant/query", headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "PUT" in response.headers["access-control-allow-methods"]
    allowed = response.headers["access-control-allow-headers"].lower()
    assert set(wanted.split(", ")) <= set(allowed.split(", "))
    assert "access-control-allow-credentials" not in response.headers


async def test_page_of_an_allowed_origin_may_read_answers_and_errors() -> None:
    async with client_of(cors_allow_origins=ORIGIN) as client:
        answer = await client.post("/v1/assistant/query", json=QUESTION, headers={"Origin": ORIGIN})
        error = await client.post("/v1/assistant/query", json={}, headers={"Origin": ORIGIN})
        other = await client.get("/v1/health", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, error.status_code, other.status_code) == (200, 422, 200)
    for response in (answer, error):
        assert response.headers["access-control-allow-origin"] == ORIGIN
        exposed = response.headers["access-control-expose-headers"].split(", ")
        assert set(exposed) == {"Cache-Status", "ETag", "Retry-After", "X-Correlation-Id"}
    assert "access-control-allow-origin" not in other.headers


async def test_no_origin_is_allowed_by_default() -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    async with client_of() as client:
        preflight = await client.options("/v1/assistant/query", headers=headers)
        simple = await client.get("/v1/health", headers={"Origin": ORIGIN})
    assert preflight.status_code == 405
    assert not any("access-control" in name for name in {**preflight.headers, **simple.headers})


@pytest.mark.logs_exceptions
async def test_unhandled_exception_can_be_read_by_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("shared.health.check", fail)
    async with client_of(cors_allow_origins=ORIGIN) as client:
        response = await client.get("/v1/health", headers={"Origin": ORIGIN})
    assert response.status_code == 500
    assert response.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ({"X-Correlation-Id": "order-7"}, "order-7"),
        ({"X-Correlation-Id": "two words"}, None),
        ({"X-Correlation-Id": "x" * 129}, None),
        ({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, "ab" * 16),
        ({}, None),
    ],
)
async def test_every_response_has_the_correlation_id_of_its_log_lines(
    sent: dict[str, str], returned: str | None
) -> None:
    async with client_of() as client:
        for path, status in (("/v1/health", 200), ("/nothing", 404)):
            response = await client.get(path, headers=sent)
            assert response.status_code == status
            correlation_id = response.headers["x-correlation-id"]
            if returned:
                assert correlation_id == returned
            elif status == 404:
                assert response.json()["instance"] == f"urn:uuid:{correlation_id}"


@pytest.mark.parametrize("path", ["/v1/assistant/query", "/v1/notes/changes"])
@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "unknown"])
async def test_compressed_body_is_refused_with_the_accepted_encoding(
    path: str, encoding: str
) -> None:
    body = gzip.compress(json.dumps(QUESTION).encode())
    async with client_of() as client:
        response = await client.post(
            path, content=body, headers=JSON | {"Content-Encoding": encoding}
        )
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"
    assert response.headers["content-type"] == "application/problem+json"
    assert "Content-Encoding" in response.json()["detail"]


async def test_identity_encoding_is_accepted() -> None:
    async with client_of() as client:
        response = await client.post(
            "/v1/assistant/query", json=QUESTION, headers={"Content-Encoding": "Identity"}
        )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("stage", "path", "status"),
    [
        ("$default", "/v1/health", 200),
        ("prod", "/prod/v1/health", 200),
        ("prod", "/v1/health", 200),
        ("v1", "/v1/v1/health", 200),
        ("v1", "/v1/health", 200),
        ("prod", "/production/health", 404),
    ],
)
def test_stage_of_an_http_api_is_removed_from_the_path(stage: str, path: str, status: int) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    event: Any = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "127.0.0.1"},
        "requestContext": {
            "http": {"method": "GET", "path": path, "sourceIp": "203.0.113.1"},
            "stage": stage,
        },
        "isBase64Encoded": False,
    }
    context: Any = SimpleNamespace(aws_request_id="1")
    response = GatewayHandler(app_of())(event, context)
    asyncio.set_event_loop(None)
    loop.close()
    assert response["statusCode"] == status
