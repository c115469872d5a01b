"""Note changes and statistics during a model outage.

A note change whose text cannot be embedded is not acknowledged, so that it is redelivered, by the
queue or by the pusher. From then on the former text answers no question. Statistics need no model.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from functions.invalidate.app import create_app as create_push_app
from functions.invalidate.handler import QueueHandler
from functions.stats.app import create_app as create_stats_app
from shared.container import Container
from tests.support.full_stack import ask
from tests.support.local_environment import LocalEnvironment
from tests.support.model_outage import (
    CHAT,
    EMBED,
    FAST_AND_SLOW_FAULTS,
    FAULTS,
    QUESTION,
    fail_until_open,
    open_container,
    write_all_notes,
)
from tests.support.queues import Context, batch, body, close, failed
from tests.support.waiting import repeated

TEXT = "Faith is a gift of God."
CHANGE = body("ann", "hebrews", "updated", 2, TEXT)
ANN = {"X-Tercet-User": "ann", "Content-Type": "application/json"}
QUICK = {"breaker_open_seconds": 0.2, "local_mode": True}


@pytest.fixture
async def answering(local: LocalEnvironment) -> AsyncIterator[Container]:
    """A container with a cached answer from its user's notes."""
    await write_all_notes(local)
    container = open_container(local)
    assert await answer(container) == f"{QUESTION} [1]"
    yield container
    await container.aclose()


async def answer(container: Container) -> str:
    """Return the best source of the current answer, with its citation."""
    reply = await ask(container, "ann", QUESTION)
    assert reply.answer
    return f"{reply.sources[0].content} [1]"


def client_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=ANN)


@pytest.mark.parametrize("fault", FAST_AND_SLOW_FAULTS)
async def test_queue_message_is_redelivered_until_its_text_is_embedded(
    local: LocalEnvironment, answering: Container, fault: str
) -> None:
    context: Any = Context()  # the attributes that the handler reads
    handler = QueueHandler(lambda: open_container(local, fault, **QUICK))

    async def delivered() -> bool:
        # The handler runs its own event loop, which needs a thread of its own.
        return not failed(await asyncio.to_thread(handler, batch(CHANGE), context))

    local.models.failing[EMBED] = FAULTS[fault]
    for _ in range(3):  # the circuit breaker opens
        assert not await delivered()
    assert await answer(answering) != f"{QUESTION} [1]"
    local.models.failing.clear()
    await repeated(delivered)
    assert TEXT in [source.content for source in (await ask(answering, "ann", TEXT)).sources]
    await asyncio.to_thread(close, handler)


@pytest.mark.parametrize("fault", FAST_AND_SLOW_FAULTS)
async def test_pushed_message_is_refused_until_its_text_is_embedded(
    local: LocalEnvironment, answering: Container, fault: str
) -> None:
    pushing = open_container(local, fault, **QUICK)
    local.models.failing[EMBED] = FAULTS[fault]
    async with client_of(create_push_app(pushing)) as client:

        async def pushed() -> bool:
            status = (await client.post("/notes/changes", content=CHANGE)).status_code
            assert status in {200, 503}
            return status == 200

        for _ in range(3):
            assert not await pushed()
        assert await answer(answering) != f"{QUESTION} [1]"
        local.models.failing.clear()
        await repeated(pushed)
    assert TEXT in [source.content for source in (await ask(answering, "ann", TEXT)).sources]
    await pushing.aclose()


async def test_deletion_and_change_succeed_while_the_model_they_do_not_need_fails(
    local: LocalEnvironment, answering: Container
) -> None:
    """A deletion needs no embedding, and a change needs no language model."""
    pushing = open_container(local, local_mode=True)
    async with client_of(create_push_app(pushing)) as client:
        local.models.failing[CHAT] = FAULTS["an error"]
        assert (await client.post("/notes/changes", content=CHANGE)).status_code == 200
        local.models.failing = {EMBED: FAULTS["an error"]}
        deletion = body("ann", "hebrews", "deleted", 3)
        assert (await client.post("/notes/changes", content=deletion)).status_code == 200
    local.models.failing.clear()
    reply = await ask(answering, "ann", QUESTION)
    assert not {source.note_id for source in reply.sources} & {"hebrews"}
    await pushing.aclose()


@pytest.mark.parametrize("fault", FAST_AND_SLOW_FAULTS)
@pytest.mark.parametrize("model", [CHAT, EMBED])
async def test_statistics_call_no_model(
    local: LocalEnvironment, answering: Container, model: str, fault: str
) -> None:
    container = open_container(local, fault, local_mode=True)
    local.models.failing[model] = FAULTS[fault]
    breakers = container.circuit_breakers
    await fail_until_open(container, breakers.chat if model == CHAT else breakers.embeddings)
    calls = len(local.models.calls)
    async with client_of(create_stats_app(container)) as client:
        body = (await client.get("/assistant/cache-stats")).raise_for_status().json()
        (await client.get("/metrics")).raise_for_status()
    assert sum(body["outcomes"][name] for name in ("none", "l2", "l3")) == 1  # generated
    assert len(local.models.calls) == calls
    await container.aclose()
