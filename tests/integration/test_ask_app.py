"""The ask app on an ASGI server: errors become problem documents."""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # its stubs are a separate package
import pytest
from pydantic import TypeAdapter

from functions.ask.app import create_app
from functions.ask.schemas import AnswerBody
from functions.http.problems import Problem
from shared.container import Container
from shared.errors import ConfigurationError, InferenceUnavailableError
from shared.health import Health
from shared.inference.ports import Completion
from shared.settings import Settings
from shared.vectors import Vector, canonical
from tests.support.huggingface import hashed_embeddings, serving
from tests.support.local_environment import write_notes
from tests.support.memory_note_store import MemoryNoteStore

if TYPE_CHECKING:
    from shared.notes.note import Source

QUERY = "What is the chief end of man?"
ANN = {"X-Tercet-User": "ann"}
JSON = {"Content-Type": "application/json"}


class Models:
    """Embeds and answers in process; raises `error`, if set, instead of an answer."""

    model = "in-process"
    dimensions = 384

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [canonical(row) for row in hashed_embeddings(texts)]

    async def answer(self, question: str, sources: Sequence["Source"], **_: object) -> Completion:
        if self.error:
            raise self.error
        return Completion(f"To glorify God [1]. \u2713 {question}", self.model, 1, 1, 0.0)


@pytest.fixture
def models() -> Models:
    return Models()


def container_of(models: Models, **settings: Any) -> Container:
    chosen = Settings(**{"local_mode": True, "cache_enabled": False} | settings)
    return Container(chosen, store=MemoryNoteStore(), embedder=models, answerer=models)


def client_of(container: Container) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(container))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=ANN)


def problem_of(response: httpx.Response, status: int) -> Problem:
    """Validate a response with a problem document and return the problem."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert set(response.json()) == {"type", "title", "status", "detail", "instance"}
    assert "Traceback" not in response.text
    problem = TypeAdapter(Problem).validate_python(response.json())
    assert problem.status == status
    return problem


@pytest.mark.parametrize(
    ("status", "body", "headers", "detail"),
    [
        (400, b"", JSON, "not JSON"),
        (400, b"{", JSON, "not JSON"),
        (400, b'{"query": "\xff"}', JSON, "not JSON"),
        (400, b'{"query": "\\ud800"}', JSON, "not JSON"),
        (400, b'{"query":' + b"[" * 30_000, JSON, "recursion limit"),
        (400, b'{"a":' * 10_000, JSON, "recursion limit"),
        (400, b'{"query": ' + b"9" * 20_000 + b"}", JSON, "not JSON"),
        (413, b'{"query": "' + b"x" * (1 << 20) + b'"}', JSON, "1,048,576 bytes"),
        (415, b'{"query": "x"}', {}, "Content-Type: application/json"),
        (415, b"query=x", {"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
        (415, b"{}", {"Content-Type": "application/json; charset=latin-1"}, "UTF-8"),
        (415, b"{}", JSON | {"Content-Encoding": "gzip"}, "no 'Content-Encoding'"),
        (415, b"{}", JSON | {"Content-Encoding": "identity, br"}, "no 'Content-Encoding'"),
        (422, b"[]", JSON, "a JSON object with: query"),
        (422, b"{}", JSON, '"query": field required'),
        (422, b'{"query": null}', JSON, '"query": input should be a valid string'),
        (422, b'{"query": 7}', JSON, '"query"'),
        (
            422,
            b'{"query": "x", "user": "eve"}',
            JSON,
            'unknown fields: "user"; the body has the fields query',
        ),
        (422, b'{"question": "x"}', JSON, '"query": field required; unknown fields: "question"'),
        (422, b'{"query": ""}', JSON, "at least one letter or digit"),
        (422, b'{"query": "?!"}', JSON, "at least one letter or digit"),
        (422, json.dumps({"query": "x" * 4_001}).encode(), JSON, "at most 4,000"),
    ],
)
async def test_invalid_body_is_refused_with_a_reason(
    models: Models, status: int, body: bytes, headers: dict[str, str], detail: str
) -> None:
    async with client_of(container_of(models)) as client:
        response = await client.post("/assistant/query", content=body, headers=headers)
    assert detail in problem_of(response, status).detail


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=UTF-8", 'Application/JSON;charset="utf-8"']
)
async def test_body_of_4000_escaped_characters_is_accepted(models: Models, media_type: str) -> None:
    container = container_of(models)
    await write_notes(container, "ann")
    body = json.dumps({"query": "\U0001d54f" * 4_000})  # 12 bytes for each escaped character
    async with client_of(container) as client:
        headers = {"Content-Type": media_type}
        response = await client.post("/assistant/query", content=body, headers=headers)
    assert response.status_code == 200
    assert response.json()["metadata"]["truncated"] is True


async def test_unknown_path_and_method_get_a_problem(models: Models) -> None:
    async with client_of(container_of(models)) as client:
        assert "/nothing" in problem_of(await client.get("/nothing"), 404).detail
        wrong_method = await client.get("/assistant/query")
    assert problem_of(wrong_method, 405).title == "Method Not Allowed"
    assert wrong_method.headers["allow"] == "POST"


async def test_unauthenticated_caller_gets_a_plain_401(models: Models) -> None:
    async with client_of(container_of(models, local_mode=False)) as client:
        response = await client.post("/assistant/query", json={"query": QUERY})
    detail = problem_of(response, 401).detail
    assert detail == "this server does not accept your credentials"
    assert response.headers["www-authenticate"] == "Bearer"


async def test_slow_note_store_gets_a_503_within_the_time_limit(models: Models) -> None:
    """Otherwise Lambda would end the process without a response."""

    class HangingStore(MemoryNoteStore):
        async def search(
            self, user_id: str, embedding: Vector, k: int, tags: tuple[str, ...] = ()
        ) -> list["Source"]:
            await asyncio.sleep(30)
            return await super().search(user_id, embedding, k, tags)

    settings = Settings(local_mode=True, cache_enabled=False, inference_timeout=0.1)
    container = Container(settings, store=HangingStore(), embedder=models, answerer=models)
    async with client_of(container) as client, asyncio.timeout(20):
        response = await client.post("/assistant/query", json={"query": QUERY})
    assert "not read in time" in problem_of(response, 503).detail


async def test_unavailable_model_gets_a_503_with_retry_after(models: Models) -> None:
    models.error = InferenceUnavailableError("the model is loading", retry_after=19.2)
    container = container_of(models)
    await write_notes(container, "ann")
    async with client_of(container) as client:
        response = await client.post("/assistant/query", json={"query": QUERY})
    problem = problem_of(response, 503)
    assert (problem.title, problem.detail) == ("Model unavailable", "the model is loading")
    assert problem.type.endswith(":model-unavailable")
    assert response.headers["retry-after"] == "20"


@pytest.mark.parametrize("error", [RuntimeError(QUERY), ConfigurationError(QUERY)])
@pytest.mark.logs_exceptions
async def test_internal_error_is_described_in_the_log_only(
    models: Models, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    models.error = error
    container = container_of(models)
    await write_notes(container, "ann")
    async with client_of(container) as client:
        with caplog.at_level(logging.INFO, "functions"):
            response = await client.post("/assistant/query", json={"query": QUERY})
    problem = problem_of(response, 500)
    assert QUERY not in response.text
    lines = [vars(record)["log_fields"] for record in caplog.records]
    assert lines[-1]["error"] == type(error).__name__
    assert all(problem.instance == f"urn:uuid:{log_fields['request_id']}" for log_fields in lines)
    assert len(lines) == (2 if isinstance(error, RuntimeError) else 1)


@pytest.mark.parametrize("log_questions", [False, True])
async def test_request_log_has_one_line_and_the_question_only_if_enabled(
    models: Models, caplog: pytest.LogCaptureFixture, *, log_questions: bool
) -> None:
    container = container_of(models, log_questions=log_questions)
    await write_notes(container, "ann")
    async with client_of(container) as client:
        with caplog.at_level(logging.INFO, "functions"):
            await client.post("/assistant/query", json={"query": QUERY})
    (record,) = caplog.records
    log_fields = vars(record)["log_fields"]
    assert (log_fields["status"], log_fields["tier"], log_fields["match"], log_fields["cache"]) == (
        200,
        *[None] * 2,
        "off",
    )
    assert log_fields["duration_ms"] > 0
    assert (QUERY in str(vars(record))) is log_questions


async def test_responses_conform_to_the_openapi_document(models: Models) -> None:
    container = container_of(models)
    await write_notes(container, "ann")
    async with client_of(container) as client:
        document = (await client.get("/openapi.json")).json()
        answer = await client.post("/assistant/query", json={"query": QUERY})
        healthy = await client.get("/health")
    for response, name in ((answer, "AnswerBody"), (healthy, "Health")):
        schema = document["components"]["schemas"][name]
        jsonschema.validate(response.json(), schema | {"components": document["components"]})
    # Validation drops unknown members.
    assert TypeAdapter(AnswerBody).validate_python(answer.json()) == answer.json()
    assert asdict(TypeAdapter(Health).validate_python(healthy.json())) == healthy.json()
    named = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
    assert named == set(document["components"]["schemas"])
    assert document["paths"]["/v1/assistant/query"]["post"]["requestBody"]["required"] is True


def test_local_mode_does_not_start_on_lambda(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    with pytest.raises(ConfigurationError, match="TERCET_LOCAL"):
        create_app(container_of(models))


async def test_server_in_local_mode_answers_and_cuts_off_an_endless_body(
    models: Models,
) -> None:
    container = container_of(models)
    await write_notes(container, "ann")

    async def endless() -> Any:
        while True:
            yield b" " * 1_024
            await asyncio.sleep(0)

    with serving(create_app(container)) as url:
        async with httpx.AsyncClient(base_url=url, headers=ANN) as client:
            answer = await client.post("/assistant/query", json={"query": QUERY})
            async with asyncio.timeout(20):
                try:
                    cut = await client.post("/assistant/query", content=endless(), headers=JSON)
                except httpx.NetworkError:  # the connection was closed first
                    cut = None
            other_host = await client.post(
                "/assistant/query", json={"query": QUERY}, headers={"Host": "evil.example"}
            )
    assert answer.json()["answer"].startswith("To glorify God")
    assert cut is None or problem_of(cut, 413)
    problem_of(other_host, 403)
