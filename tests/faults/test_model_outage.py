"""Model outages: a stale answer, else the extractive fallback, else an error with `Retry-After`.

Containers share the state of the circuit breaker in Redis; without Redis each has its own.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from shared.container import Container
from shared.errors import CircuitOpenError, InferenceError
from tests.support.clock import Clock
from tests.support.full_stack import ask, updated
from tests.support.local_environment import LocalEnvironment
from tests.support.model_outage import (
    CHAT,
    EMBED,
    FAST_AND_SLOW_FAULTS,
    FAULTS,
    QUESTION,
    fail_until_open,
    forget_embedding,
    open_container,
    write_all_notes,
)

DAY = 86_400  # seconds, the time to live of answers


@pytest.fixture
async def container(local: LocalEnvironment) -> AsyncIterator[Container]:
    container = open_container(local)
    await write_all_notes(local)
    yield container
    await container.aclose()


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=[pytest.mark.slow] * (name == "a slow drip")) for name in FAULTS],
)
async def test_each_fault_opens_the_breaker_and_the_extractive_fallback_answers(
    local: LocalEnvironment, fault: str
) -> None:
    """The model is not called again, so no question waits for it."""
    await write_all_notes(local)
    container = open_container(local, fault)
    local.models.failing[CHAT] = FAULTS[fault]
    await fail_until_open(container)
    calls = local.models.count(CHAT)
    for _ in range(5):
        reply = await ask(container, "ann", QUESTION)
        assert reply.answer
        assert (reply.extractive, reply.stale, reply.stored) == (True, False, False)
        assert reply.answer.text == f"{QUESTION} [1]"
    assert local.models.count(CHAT) == calls
    await container.aclose()


@pytest.mark.parametrize("fault", FAST_AND_SLOW_FAULTS)
async def test_each_embedding_fault_opens_the_breaker_and_cached_embeddings_are_used(
    local: LocalEnvironment, clock: Clock, fault: str
) -> None:
    """The model answers a question with a cached embedding; another gets its stale answer."""
    await write_all_notes(local)
    working, cached = open_container(local), "What does the garden want?"
    before = await ask(working, "ann", QUESTION)
    await ask(working, "ann", cached)
    await working.aclose()
    clock.ahead += DAY + 1
    forget_embedding(local, QUESTION)
    container = open_container(local, fault)
    local.models.failing[EMBED] = FAULTS[fault]
    await fail_until_open(container, container.circuit_breakers.embeddings)
    calls = local.models.count(EMBED)
    reply = await ask(container, "ann", cached, no_cache=True)
    assert (reply.extractive, reply.stale, reply.stored) == (False, False, True)
    reply = await ask(container, "ann", QUESTION)
    assert (reply.stale, reply.answer, reply.sources) == (True, before.answer, before.sources)
    with pytest.raises(CircuitOpenError) as refused:
        await ask(container, "ann", "What is grace?")
    assert refused.value.status == 503
    assert refused.value.retry_after
    assert local.models.count(EMBED) == calls
    await container.aclose()


async def test_stale_answer_is_preferred_to_the_extractive_fallback(
    local: LocalEnvironment, container: Container, clock: Clock
) -> None:
    before = await ask(container, "ann", QUESTION)
    clock.ahead += DAY + 1
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", QUESTION)
    assert (reply.stale, reply.extractive, reply.tier) == (True, False, "l1")
    assert (reply.answer, reply.sources) == (before.answer, before.sources)
    assert (await ask(container, "ann", QUESTION, no_cache=True)).extractive


async def test_stale_answer_is_not_served_after_its_notes_changed(
    local: LocalEnvironment, container: Container, clock: Clock
) -> None:
    await ask(container, "ann", QUESTION)
    clock.ahead += DAY + 1
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    await container.freshness.note_changed(updated("ann", "hebrews", "Faith is a gift of God."))
    reply = await ask(container, "ann", QUESTION)
    assert not reply.stale
    assert reply.answer is None or QUESTION not in reply.answer.text


async def test_extractive_answer_that_finds_nothing_has_no_sources(
    local: LocalEnvironment, container: Container
) -> None:
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", "How many calories does a slice of cheesecake have?")
    assert reply.answer
    assert (reply.extractive, reply.shown_sources) == (True, ())
    assert reply.answer.text == "I couldn't find that in your notes."


async def test_extractive_answer_is_not_stored(
    local: LocalEnvironment, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    assert (await ask(container, "ann", QUESTION)).extractive
    local.models.failing.clear()
    other = open_container(local, breaker_min_calls=99)
    # The other container does not know of the failures.
    monkeypatch.setattr(other.circuit_breakers.chat, "update", lambda *_, **__: None)
    reply = await ask(other, "ann", QUESTION)
    assert (reply.extractive, reply.stored, reply.match) == (False, True, None)
    await other.aclose()


async def test_without_a_fallback_the_error_has_retry_after(local: LocalEnvironment) -> None:
    container = open_container(local, extractive_fallback=False)
    await write_all_notes(local)
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    with pytest.raises(CircuitOpenError) as raised:
        await ask(container, "ann", QUESTION)
    assert 200 < (raised.value.retry_after or 0) <= 300
    assert raised.value.status == 503
    await container.aclose()


async def test_exact_hit_is_served_while_the_breaker_is_open(
    local: LocalEnvironment, container: Container
) -> None:
    """An exact hit does not depend on the state of the breaker."""
    cached = await ask(container, "ann", QUESTION)
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", QUESTION)
    assert (reply.match, reply.stale, reply.answer) == ("exact", False, cached.answer)


async def test_another_container_finds_the_breaker_open_before_its_first_call(
    local: LocalEnvironment, container: Container
) -> None:
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    calls = local.models.count(CHAT)
    other = open_container(local)
    assert (await ask(other, "ann", QUESTION)).extractive
    assert local.models.count(CHAT) == calls
    await other.aclose()


async def test_breaker_opens_without_redis(local: LocalEnvironment) -> None:
    await write_all_notes(local)
    container = open_container(local, redis_url="redis://127.0.0.1:1/0")
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", QUESTION)
    assert (reply.extractive, reply.cache) == (True, "unavailable")
    await container.aclose()


async def test_concurrent_questions_call_no_model_while_the_breaker_is_open(
    local: LocalEnvironment, container: Container
) -> None:
    local.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    calls = local.models.count(CHAT)
    replies = await asyncio.gather(*(ask(container, "ann", QUESTION) for _ in range(50)))
    assert all(reply.extractive for reply in replies)
    assert local.models.count(CHAT) == calls


async def test_concurrent_questions_share_one_generation_while_only_embeddings_fail(
    local: LocalEnvironment,
) -> None:
    """The language model works, and the embedding of the question is cached."""
    container = open_container(local, extractive_fallback=False)
    await write_all_notes(local)
    await ask(container, "ann", QUESTION)
    embeddings = container.circuit_breakers.embeddings
    embeddings.update(30, sent_at=embeddings.clock())
    local.models.chat_latency = 0.3
    before = local.models.count(CHAT)
    await container.freshness._invalidation.delete_user("ann")
    replies = await asyncio.gather(*(ask(container, "ann", QUESTION) for _ in range(20)))
    assert all(reply.answer for reply in replies)
    assert local.models.count(CHAT) == before + 1
    await container.aclose()


async def test_extractive_fallback_does_not_wait_for_embeddings(
    local: LocalEnvironment, container: Container
) -> None:
    """Sentences are then compared with the question by their words."""
    local.models.failing[CHAT] = FAULTS["another JSON"]
    for _ in range(3):
        with suppress(InferenceError):  # with this question, so that its context is cached
            await ask(container, "ann", QUESTION)
    assert container.circuit_breakers.chat.state == "open"
    local.models.failing[EMBED] = FAULTS["silence"]
    began = time.monotonic()
    reply = await ask(container, "ann", QUESTION)
    assert time.monotonic() - began < 15, "a call that is not answered would take 20 s"
    assert reply.answer
    assert (reply.extractive, reply.answer.text) == (True, f"{QUESTION} [1]")


async def test_stale_and_extractive_answers_are_counted_separately(
    local: LocalEnvironment, container: Container, clock: Clock
) -> None:
    """The breaker opened once, and neither kind of answer counts as avoided cost."""
    await ask(container, "ann", QUESTION)
    clock.ahead += DAY + 1
    local.models.failing[CHAT] = FAULTS["an error"]
    extractive = await fail_until_open(container)
    assert (await ask(container, "ann", QUESTION)).stale
    assert (await ask(container, "ann", "When does the pear tree want pruning?")).extractive
    await container.aclose()
    clock.ahead = 0
    total = (await container.counter_reader.read_snapshot(days=2)).total
    assert (total.latency("stale").count, total.latency("extractive").count) == (1, 1 + extractive)
    assert (total["breaker_opens"], total.answers_avoided, total.cost_saved) == (1, 0, 0)
    await container.aclose()
