"""The model has recovered: one question probes, and the others do not wait for it."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from shared.container import Container
from shared.inference.shared_circuit_state import HALF_OPEN_SECONDS, breaker_keys
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
from tests.support.servers import send_command
from tests.support.waiting import until

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Trust [1]."}}]}


def after_open_seconds() -> float:
    return time.monotonic() + 300


@pytest.fixture
async def two(local: LocalEnvironment) -> AsyncIterator[tuple[Container, Container]]:
    """Two containers whose breakers are half-open; the model works again."""
    first, second = open_container(local), open_container(local)
    await write_all_notes(local)
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(first)
    assert (await ask(second, "ann", QUESTION)).extractive
    local.models.failing.clear()
    breakers = first.circuit_breakers.chat, second.circuit_breakers.chat
    for breaker in breakers:
        breaker.clock = after_open_seconds
    state = breaker_keys(breakers[0].id).state
    send_command(local.valkey.port, f"PEXPIRE {state} {1_000 * HALF_OPEN_SECONDS}")
    assert {breaker.state for breaker in breakers} == {"half-open"}
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
