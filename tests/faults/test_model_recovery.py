"""The model has recovered: one question probes, and the others do not wait for it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from shared.container import Container
from tests.support.full_stack import ask
from tests.support.http_faults import Fault, send_json
from tests.support.local_environment import LocalEnvironment
from tests.support.model_outage import (
    CHAT,
    FAULTS,
    QUESTION,
    fail_until_open,
    open_container,
    write_all_notes,
)
from tests.support.waiting import until

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

OPEN_SECONDS = 3.0  # enough for the other container to read the state
_ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Trust [1]."}}]}


@pytest.fixture
async def two(local: LocalEnvironment) -> AsyncIterator[tuple[Container, Container]]:
    """Two containers whose breakers are half-open; the model works again."""
    first, second = (open_container(local, breaker_open_seconds=OPEN_SECONDS) for _ in range(2))
    await write_all_notes(local)
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(first)
    assert (await ask(second, "ann", QUESTION)).extractive
    local.models.failing.clear()
    breakers = first.circuit_breakers.chat, second.circuit_breakers.chat
    await until(lambda: {breaker.state for breaker in breakers} == {"half-open"})
    yield first, second
    await first.aclose()
    await second.aclose()


async def test_successful_probe_closes_the_breaker_for_all_containers(
    two: tuple[Container, Container],
) -> None:
    first, second = two
    probe = await ask(first, "ann", QUESTION)
    assert (probe.extractive, probe.stale) == (False, False)
    reply = await ask(second, "ann", "What does the garden want?")
    assert not reply.extractive
    assert (first.circuit_breakers.chat.state, second.circuit_breakers.chat.state) == (
        "closed",
        "closed",
    )


async def test_only_one_of_two_containers_probes(
    local: LocalEnvironment, two: tuple[Container, Container]
) -> None:
    """During the probe, questions to the other container get the extractive fallback."""
    first, second = two
    may_answer = threading.Event()
    local.models.failing[CHAT] = wait_for(may_answer)
    calls = local.models.count(CHAT)
    probe = asyncio.create_task(ask(first, "ann", QUESTION))
    await until(lambda: local.models.count(CHAT) > calls)
    replies = await asyncio.gather(*(ask(second, "ann", QUESTION) for _ in range(10)))
    assert all(reply.extractive for reply in replies)
    assert not probe.done()
    may_answer.set()
    assert not (await probe).extractive
    assert local.models.count(CHAT) == calls + 1


def wait_for(may_answer: threading.Event) -> Fault:
    """Answer correctly once the event is set."""

    async def fault(scope: "Scope", receive: "Receive", send: "Send") -> None:
        await until(may_answer.is_set)
        await send_json(_ANSWER)(scope, receive, send)

    return fault
