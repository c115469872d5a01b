"""A model that was left alone is well again: one question finds out, and nobody waits for it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.container import Container
from tests.support.asking import Surroundings
from tests.support.http_faults import Fault, send_json
from tests.support.main_job import ask
from tests.support.model_outage import (
    ASKED,
    CHAT,
    FAULTS,
    fail_until_open,
    fake_models_and_redis,
    open_container,
    write_all_notes,
)
from tests.support.waiting import until

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PAUSE = 3.0  # seconds, in which the other container must hear of it
_ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Trust [1]."}}]}


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    with fake_models_and_redis(tmp_path) as around:
        yield around


@pytest.fixture
async def two(around: Surroundings) -> AsyncIterator[tuple[Container, Container]]:
    """One met the failures, the other heard; the model is well, and their pauses are over."""
    first, second = (open_container(around, breaker_open_seconds=PAUSE) for _ in range(2))
    await write_all_notes(around)
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(first)
    assert (await ask(second, "ann", ASKED)).extractive
    around.models.failing.clear()
    breakers = first.circuit_breakers.chat, second.circuit_breakers.chat
    await until(lambda: {breaker.state for breaker in breakers} == {"half-open"})
    yield first, second
    await first.aclose()
    await second.aclose()


async def test_when_the_model_is_back_one_question_finds_out_and_all_are_answered(
    two: tuple[Container, Container],
) -> None:
    first, second = two
    probe = await ask(first, "ann", ASKED)
    assert (probe.extractive, probe.stale) == (False, False)
    reply = await ask(second, "ann", "What does the garden want?")
    assert not reply.extractive
    assert (first.circuit_breakers.chat.state, second.circuit_breakers.chat.state) == (
        "closed",
        "closed",
    )


async def test_of_two_containers_one_finds_out_whether_the_model_is_back(
    around: Surroundings, two: tuple[Container, Container]
) -> None:
    """And whoever asks the other one meanwhile gets a quotation, not an error, a crowd too."""
    first, second = two
    may_answer = threading.Event()
    around.models.failing[CHAT] = held(may_answer)
    calls = around.models.count(CHAT)
    probe = asyncio.create_task(ask(first, "ann", ASKED))
    await until(lambda: around.models.count(CHAT) > calls)
    replies = await asyncio.gather(*(ask(second, "ann", ASKED) for _ in range(10)))
    assert all(reply.extractive for reply in replies)
    assert not probe.done()
    may_answer.set()
    assert not (await probe).extractive
    assert around.models.count(CHAT) == calls + 1


def held(may_answer: threading.Event) -> Fault:
    """Answer well, once the test lets it."""

    async def fault(scope: "Scope", receive: "Receive", send: "Send") -> None:
        await until(may_answer.is_set)
        await send_json(_ANSWER)(scope, receive, send)

    return fault
