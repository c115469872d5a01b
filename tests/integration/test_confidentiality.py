"""Secrets and private texts are in no log line and no error response, whatever fails."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.commands.serve import build_local_app
from infra.local.valkey import start_valkey
from shared.cache.redis.factory import open_redis_client
from shared.container import Container
from shared.errors import ConfigurationError
from shared.observability.json_logging import configure_logging
from shared.settings import Settings
from tests.support.http_faults import refuse, send_json, send_text
from tests.support.huggingface import FakeHuggingFace, serving
from tests.support.local_environment import NOTES, write_notes
from tests.support.queues import body
from tests.support.servers import send_command
from tests.support.tokens import Issuer, issuing, token

CANARY = "canary"
QUESTION = "Does the canary sing of what my doctor advised?"
SECRETS = {"hf_token": "hf_canary_token", "redis": "canary-redis", "database": "canary-database"}
BEARER = {"name": "canary bearer"}  # a claim: its encoding stands in the token


@dataclass
class Output:
    """All output: log lines, error responses, and reprs of objects."""

    texts: list[str] = field(default_factory=list)

    def assert_without(self, *words: str) -> None:
        assert self.texts
        for text in self.texts:
            for word in words:
                assert word.lower() not in text.lower(), text


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[Output]:
    """Captures the log of a deployed function at level DEBUG."""
    output = Output()

    class Capturing(logging.StreamHandler):  # type: ignore[type-arg]  # a stream of text
        def emit(self, record: logging.LogRecord) -> None:
            output.texts.append(self.format(record))

    before = logging.root.handlers[:], logging.root.level
    monkeypatch.setattr("logging.StreamHandler", Capturing)
    configure_logging(Settings(log_level="DEBUG"))
    yield output
    logging.root.handlers[:], level = before
    logging.root.setLevel(level)
    for name in ("functions", "shared", "infra"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def models() -> Iterator[tuple[FakeHuggingFace, str]]:
    host = FakeHuggingFace(token=SECRETS["hf_token"])
    with serving(host) as url:
        yield host, url


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    """A Valkey that requires the password."""
    with start_valkey() as server:
        send_command(server.port, f"CONFIG SET requirepass {SECRETS['redis']}")
        yield server.port


@pytest.fixture
def settings(
    issuer: Issuer, models: tuple[FakeHuggingFace, str], redis_port: int, tmp_path: Path
) -> Settings:
    host, url = models
    host.reset()
    send_command(redis_port, f"AUTH {SECRETS['redis']}\r\nFLUSHALL")
    return issuer.settings(
        hf_token=SECRETS["hf_token"],
        redis_url=f"redis://:{SECRETS['redis']}@127.0.0.1:{redis_port}/0",
        redis_timeout=2,
        database_url=f"sqlite:///{tmp_path}/notes.db",
        embedding_url=f"{url}/embed",
        chat_url=f"{url}/v1/chat/completions",
        inference_timeout=2,
    )


@asynccontextmanager
async def using(settings: Settings, output: Output) -> AsyncIterator[Any]:
    """Sends requests; captures error responses, and reprs of the container and settings."""
    container = Container(settings)
    app = build_local_app(container)

    async def send(method: str, path: str, **options: Any) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {token(scope='notes:write stats:read', **BEARER)}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tercet") as client:
            response = await client.request(method, path, headers=bearer, **options)
        if response.status_code >= 400:
            output.texts.append(f"{response.text} {response.headers}")
        return response

    send.container = container  # type: ignore[attr-defined]  # for tests that change it
    try:
        yield send
    finally:
        await container.aclose()
    output.texts += [repr(container), repr(settings), str(settings), repr(vars(container))]


async def ask(send: Any, **options: Any) -> int:
    response = await send("POST", "/assistant/query", json={"query": QUESTION}, **options)
    status: int = response.status_code
    return status


async def test_a_successful_question_writes_neither_it_nor_a_secret(
    settings: Settings, output: Output
) -> None:
    async with using(settings, output) as send:
        await write_notes(send.container, "ann")
        for _ in range(2):
            assert await ask(send) == 200
        assert (await send("GET", "/metrics")).status_code == 200
        assert (await send("GET", "/health")).json()["redis_ping"] == "OK"
    lines = [json.loads(line) for line in output.texts if line.startswith('{"time"')]
    assert [line["tier"] for line in lines if line.get("path") == "/assistant/query"] == [
        None,
        "l1",
    ]
    output.assert_without(CANARY, "doctor", *NOTES.values(), token(**BEARER).split(".")[1])


REDIS = {
    "another password": ("redis://:canary-wrong@127.0.0.1:{port}/0", "unavailable"),
    "another user": ("redis://canary-user:canary-wrong@127.0.0.1:{port}/0", "unavailable"),
    "unreachable": ("redis://:canary-wrong@127.0.0.1:1/0", "unavailable"),
    "no TLS": ("rediss://:canary-wrong@127.0.0.1:{port}/0", "unavailable"),
    "no such host": ("redis://:canary-wrong@canary.invalid/0", "unavailable"),
}


@pytest.mark.parametrize(("url", "cache"), REDIS.values(), ids=REDIS)
async def test_a_failing_redis_exposes_nothing(
    settings: Settings, output: Output, redis_port: int, url: str, cache: str
) -> None:
    changed = {**_fields(settings), "redis_url": url.format(port=redis_port), "redis_timeout": 0.3}
    async with using(Settings(**changed), output) as send:
        await write_notes(send.container, "ann")
        answer = await send("POST", "/assistant/query", json={"query": QUESTION})
        assert answer.json()["metadata"]["cache"] == cache
        change = body("ann", "n", "updated", 1, "The canary is yellow.")
        assert (await send("POST", "/notes/changes", content=change)).status_code == 503
        assert (await send("GET", "/metrics")).status_code == 503
        assert (await send("GET", "/health")).status_code in {200, 503}
        verdict = {"answer_id": "canary", "verdict": "wrong"}
        assert (await send("POST", "/assistant/feedback", json=verdict)).status_code == 503
    output.assert_without(CANARY, "doctor")


DATABASES = {
    "unreachable": ("postgresql://canary:canary-wrong@127.0.0.1:1/canary?sslmode=disable", 503),
    "no such host": ("postgresql://canary:canary-wrong@canary.invalid/canary", 503),
    "no such file": ("sqlite:////dev/null/notes.db", 503),
}


@pytest.mark.parametrize(("url", "status"), DATABASES.values(), ids=DATABASES)
async def test_a_failing_database_exposes_nothing(
    settings: Settings, output: Output, url: str, status: int
) -> None:
    async with using(Settings(**{**_fields(settings), "database_url": url}), output) as send:
        assert await ask(send) == status
        change = body("ann", "n", "updated", 1, "The canary is yellow.")
        assert (await send("POST", "/notes/changes", content=change)).status_code == status
    output.assert_without(CANARY, "doctor")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://canary:canary/wrong@localhost/canary",
        "postgresql://canary:canary-wrong@127.0.0.1:1/canary?sslmode=canary",
        "postgresql://canary:canary-wrong@127.0.0.1:1/canary?sslmode=require&sslrootcert=/canary",
    ],
)
def test_the_error_of_an_invalid_database_url_exposes_nothing(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        Settings(database_url=url)
    assert "canary" not in str(error.value)


FAULTS = {
    "quotes the token": refuse(401, {"error": f"bad token {SECRETS['hf_token']}"}),
    "quotes the question": refuse(400, {"error": f"cannot embed: {QUESTION}"}),
    "quotes the question as text": refuse(403, f"no: {QUESTION.upper()} {SECRETS['hf_token']}"),
    "quotes the question with status 200": send_json({"error": f"busy with {QUESTION}"}),
    "quotes the question as code": refuse(400, {"error": {"code": CANARY, "type": CANARY}}),
    "quotes a word": refuse(500, CANARY),
    "sends no JSON": send_text(f"<html>{QUESTION} {SECRETS['hf_token']}"),
    "sends another form": send_json({QUESTION: SECRETS["hf_token"]}),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_failing_model_exposes_nothing(
    settings: Settings, output: Output, models: tuple[FakeHuggingFace, str], fault: Any
) -> None:
    async with using(settings, output) as send:
        await write_notes(send.container, "ann")
        models[0].script(*[fault] * 6)
        assert await ask(send) >= 500
    output.assert_without(CANARY, "doctor")


@pytest.mark.logs_exceptions
async def test_an_unhandled_exception_exposes_nothing(
    settings: Settings, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"{QUESTION} {settings.hf_token} {settings.redis_url}")

    async with using(settings, output) as send:
        monkeypatch.setattr(send.container.store, "search", fail)
        assert await ask(send) == 500
    output.assert_without(CANARY, "doctor")


async def test_a_refused_token_is_not_quoted(settings: Settings, output: Output) -> None:
    async with using(settings, output) as send:
        for bearer in (token(exp=1, **BEARER), token(**BEARER)[:-9], "canary", "canary.canary.x"):
            app = build_local_app(send.container)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://tercet") as client:
                headers = {"Authorization": f"Bearer {bearer}"}
                response = await client.get("/assistant/cache-stats", headers=headers)
            assert response.status_code == 401
            output.texts.append(f"{response.text} {response.headers}")
            output.assert_without(bearer, CANARY)


@pytest.mark.parametrize("garbage", ["[canary", '{"user_id": "canary"}', '{"canary": "canary"}'])
async def test_a_malformed_message_is_not_quoted(
    settings: Settings, output: Output, garbage: str
) -> None:
    async with using(settings, output) as send:
        assert (await send("POST", "/notes/changes", content=garbage)).status_code == 422
    output.assert_without(CANARY)


def test_no_repr_contains_a_secret(settings: Settings) -> None:
    container = Container(settings)
    parts = [container, settings, container.inference_client, container.embedder, container.chat]
    parts += [container.store, container.redis_client, open_redis_client(settings)]
    for part in parts:
        assert CANARY not in repr(part)
        assert CANARY not in str(part)


def _fields(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}
