"""Note changes whose text cannot be embedded, through the functions that apply them."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from functions.invalidate.app import create_app
from functions.invalidate.handler import QueueHandler
from shared.container import Container
from shared.question import Request
from shared.settings import Settings
from tests.support.http_faults import Fault, refuse, send_json, stall
from tests.support.huggingface import FakeHuggingFace, hashed_embeddings, serving
from tests.support.queues import Context, Quoter, batch, body, close, failed
from tests.support.tokens import Issuer, issuing, token

OLD, NEW = "The old text.", "The new text."
QUESTION = "What does the text say?"
FAULTS = {
    "413": refuse(413, "input too long"),
    "400": refuse(400, "bad input"),
    "unusable": send_json([[0.0] * 384]),
    "429": refuse(429, "slow down", **{"Retry-After": "30"}),
    "500": refuse(500),
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def host() -> FakeHuggingFace:
    return FakeHuggingFace()


@pytest.fixture
def settings(
    issuer: Issuer, host: FakeHuggingFace, valkey_url: str, tmp_path: Path
) -> Iterator[Settings]:
    with serving(host) as url:
        yield issuer.settings(
            redis_url=valkey_url,
            redis_timeout=5,
            database_url=f"sqlite:///{tmp_path / 'notes.db'}",
            embedding_url=f"{url}/embed",
            inference_timeout=2,
        )


@pytest.fixture
async def container(settings: Settings) -> AsyncIterator[Container]:
    container = Container(settings, answerer=Quoter())
    yield container
    await container.aclose()


async def push(
    container: Container, version: int, text: str | None, operation: str = "updated"
) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(container))
    headers = {"Authorization": f"Bearer {token(sub='queue', scope='notes:write')}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://tercet") as client:
        note_id = None if operation == "user_deleted" else "n"
        content = body("ann", note_id, operation, version, text)
        return await client.post("/notes/changes", content=content, headers=headers)


async def answer(container: Container) -> str | None:
    reply = await container.assistant.ask(Request("ann", QUESTION))
    return reply.answer.text if reply.answer else None


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_push_of_a_text_that_cannot_be_embedded_is_a_problem_and_removes_the_former_text(
    container: Container, host: FakeHuggingFace, fault: Fault
) -> None:
    assert (await push(container, 1, OLD)).status_code == 200
    assert await answer(container) == OLD
    host.failing["/embed"] = fault
    response = await push(container, 2, NEW)
    problem = response.json()
    assert response.status_code == 503
    assert problem["type"] == "urn:problem-type:tercet:note-not-embedded"
    assert "former text answers no question. The embeddings model" in problem["detail"]
    assert OLD not in response.text
    assert NEW not in response.text
    assert int(response.headers["retry-after"]) >= 1
    host.failing.clear()
    assert await answer(container) is None
    assert (await push(container, 1, OLD)).status_code == 200  # a late message
    assert await answer(container) is None
    assert (await push(container, 2, NEW)).status_code == 200  # the redelivery
    assert await answer(container) == NEW


async def test_message_of_an_embedded_note_is_acknowledged_while_the_model_fails(
    container: Container, host: FakeHuggingFace
) -> None:
    await push(container, 1, OLD)
    await push(container, 2, NEW)
    host.failing["/embed"] = FAULTS["413"]
    for version, text in (2, NEW), (1, OLD):
        assert (await push(container, version, text)).status_code == 200
    host.failing.clear()
    assert await answer(container) == NEW


@pytest.mark.parametrize("operation", ["deleted", "user_deleted"])
async def test_refused_text_that_is_deleted_does_not_return_with_its_redelivery(
    container: Container, host: FakeHuggingFace, operation: str
) -> None:
    await push(container, 1, OLD)
    host.failing["/embed"] = FAULTS["413"]
    assert (await push(container, 2, NEW)).status_code == 503
    assert (await push(container, 3, None, operation)).status_code == 200
    assert (await push(container, 2, NEW)).status_code == 200  # no failure: it is obsolete
    host.failing.clear()
    assert (await push(container, 2, NEW)).status_code == 200
    assert await answer(container) is None
    assert await container.store.count_outdated() == 0


async def test_newer_text_replaces_a_refused_one(
    container: Container, host: FakeHuggingFace
) -> None:
    await push(container, 1, OLD)
    host.failing["/embed"] = FAULTS["400"]
    assert (await push(container, 2, NEW)).status_code == 503
    assert (await push(container, 3, NEW + " It is longer.")).status_code == 503
    host.failing.clear()
    assert (await push(container, 2, NEW)).status_code == 200  # late
    assert await answer(container) is None
    assert (await push(container, 3, OLD + " Again.")).status_code == 200
    assert await answer(container) == OLD + " Again."


async def test_note_with_one_refused_chunk_of_many_answers_nothing(
    container: Container, host: FakeHuggingFace
) -> None:
    """The other chunks would answer as if the note were complete."""

    def refuse_one(texts: Sequence[str]) -> list[list[float]]:
        return [
            [0.0] * 384 if "REFUSED" in text else vector
            for text, vector in zip(texts, hashed_embeddings(texts), strict=True)
        ]

    host.embed = refuse_one
    await push(container, 1, OLD)
    words = " ".join(f"Sentence {number} of the long text." for number in range(3_000))
    assert (await push(container, 2, f"{words} REFUSED. {OLD}")).status_code == 503
    assert host.count("/embed") > 2  # one request has 32 chunks
    assert await container.store.get_chunks("ann", "n") == []
    assert await answer(container) is None


@pytest.mark.parametrize(
    ("fault", "milliseconds"),
    [(refuse(413), 30_000), (stall(30), 4_500)],
    ids=["refused", "no reply"],
)
def test_queue_message_whose_text_cannot_be_embedded_fails_and_removes_the_former_text(
    settings: Settings,
    host: FakeHuggingFace,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    milliseconds: int,
) -> None:
    caplog.set_level("INFO", "functions")
    handler = QueueHandler(lambda: Container(settings, answerer=Quoter()))

    def receive(version: int, text: str, milliseconds: int = 30_000) -> list[str]:
        event = batch(body("ann", "n", "updated", version, text))
        return failed(handler(event, Context(milliseconds)))  # type: ignore[arg-type]  # a part of it

    def ask() -> str | None:
        assert handler._warm
        loop, container = handler._warm
        return loop.run_until_complete(answer(container))

    assert receive(1, OLD) == []
    assert ask() == OLD
    host.failing["/embed"] = fault
    # The model call ends before the invocation does.
    assert receive(2, NEW, milliseconds) == ["0"]
    reasons = [each.__dict__["log_fields"].get("reason") for each in caplog.records]
    assert "former text answers no question" in str(reasons[-1])
    assert NEW not in json.dumps(reasons)
    host.failing.clear()
    assert ask() is None
    assert receive(2, NEW) == []
    assert ask() == NEW
    close(handler)
