"""Hugging Face fails: the answer of before, else the notes' own words, else when to ask again.

All containers learn of it by way of the cache, and each finds out by itself where there is none.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from infra.local.valkey import free_port
from shared.container import Container
from shared.errors import CircuitOpenError, InferenceError
from tests.support.asking import Surroundings
from tests.support.clock import Clock
from tests.support.main_job import ask, written
from tests.support.model_outage import (
    ASKED,
    CHAT,
    EMBED,
    FAULTS,
    fail_until_open,
    fake_models_and_redis,
    forget_embedding,
    open_container,
    write_all_notes,
)

DAY = 86_400  # seconds, as long as answers live


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    with fake_models_and_redis(tmp_path) as around:
        yield around


@pytest.fixture
async def container(around: Surroundings) -> AsyncIterator[Container]:
    container = open_container(around)
    await write_all_notes(around)
    yield container
    await container.aclose()


@pytest.mark.parametrize("fault", FAULTS)
async def test_however_the_model_fails_the_breaker_opens_and_the_notes_answer(
    around: Surroundings, fault: str
) -> None:
    """Without another call to the model, and without a wait."""
    await write_all_notes(around)
    container = open_container(around, fault)
    around.models.failing[CHAT] = FAULTS[fault]
    await fail_until_open(container)
    calls, seconds = around.models.count(CHAT), []
    for _ in range(5):
        began = time.monotonic()
        reply = await ask(container, "ann", ASKED)
        seconds.append(time.monotonic() - began)
        assert reply.answer
        assert (reply.extractive, reply.stale, reply.stored) == (True, False, False)
        assert reply.answer.text == f"{ASKED} [1]"
    assert min(seconds) < 0.5, "a busy machine aside, nobody waits"
    assert around.models.count(CHAT) == calls
    await container.aclose()


@pytest.mark.parametrize("fault", FAULTS)
async def test_however_embedding_fails_it_is_left_alone_and_what_is_known_is_answered(
    around: Surroundings, clock: Clock, fault: str
) -> None:
    """A question in words that are known, by the model; one of before, by what was said then."""
    await write_all_notes(around)
    patient, known = open_container(around), "What does the garden want?"
    before = await ask(patient, "ann", ASKED)
    await ask(patient, "ann", known)
    await patient.aclose()
    clock.ahead += DAY + 1
    forget_embedding(around, ASKED)
    container = open_container(around, fault)
    around.models.failing[EMBED] = FAULTS[fault]
    await fail_until_open(container, container.circuit_breakers.embeddings)
    calls = around.models.count(EMBED)
    reply = await ask(container, "ann", known, no_cache=True)
    assert (reply.extractive, reply.stale, reply.stored) == (False, False, True)
    reply = await ask(container, "ann", ASKED)
    assert (reply.stale, reply.answer, reply.sources) == (True, before.answer, before.sources)
    with pytest.raises(CircuitOpenError) as refused:
        await ask(container, "ann", "What is grace?")
    assert refused.value.status == 503
    assert refused.value.retry_after
    assert around.models.count(EMBED) == calls
    await container.aclose()


async def test_an_answer_whose_time_is_up_is_given_before_a_quotation(
    around: Surroundings, container: Container, clock: Clock
) -> None:
    before = await ask(container, "ann", ASKED)
    clock.ahead += DAY + 1
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", ASKED)
    assert (reply.stale, reply.extractive, reply.tier) == (True, False, "l1")
    assert (reply.answer, reply.sources) == (before.answer, before.sources)
    assert (await ask(container, "ann", ASKED, no_cache=True)).extractive


async def test_an_answer_is_never_stale_once_its_notes_have_changed(
    around: Surroundings, container: Container, clock: Clock
) -> None:
    await ask(container, "ann", ASKED)
    clock.ahead += DAY + 1
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    await container.freshness.note_changed(written("ann", "hebrews", "Faith is a gift of God."))
    reply = await ask(container, "ann", ASKED)
    assert not reply.stale
    assert reply.answer is None or ASKED not in reply.answer.text


async def test_a_degraded_answer_is_not_kept(
    around: Surroundings, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    assert (await ask(container, "ann", ASKED)).extractive
    around.models.failing.clear()
    other = open_container(around, breaker_min_calls=99)
    # The other container does not know of the failures.
    monkeypatch.setattr(other.circuit_breakers.chat, "update", lambda *_, **__: None)
    reply = await ask(other, "ann", ASKED)
    assert (reply.extractive, reply.stored, reply.match) == (False, True, None)
    await other.aclose()


async def test_without_either_the_caller_learns_when_to_ask_again(around: Surroundings) -> None:
    container = open_container(around, extractive_fallback=False)
    await write_all_notes(around)
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    with pytest.raises(CircuitOpenError) as raised:
        await ask(container, "ann", ASKED)
    assert 200 < (raised.value.retry_after or 0) <= 300
    assert raised.value.status == 503
    await container.aclose()


async def test_cached_answers_are_given_as_ever(around: Surroundings, container: Container) -> None:
    """An exact hit asks nobody how the model fares."""
    cached = await ask(container, "ann", ASKED)
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", ASKED)
    assert (reply.match, reply.stale, reply.answer) == ("exact", False, cached.answer)


async def test_containers_learn_of_it_from_each_other(
    around: Surroundings, container: Container
) -> None:
    """The other one finds the breaker open before it has called the model once."""
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    calls = around.models.count(CHAT)
    other = open_container(around)
    assert (await ask(other, "ann", ASKED)).extractive
    assert around.models.count(CHAT) == calls
    await other.aclose()


async def test_without_redis_a_container_finds_out_by_itself(around: Surroundings) -> None:
    await write_all_notes(around)
    container = open_container(around, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", ASKED)
    assert (reply.extractive, reply.cache) == (True, "unavailable")
    await container.aclose()


async def test_a_crowd_does_not_wait_for_a_model_that_is_left_alone(
    around: Surroundings, container: Container
) -> None:
    """Nor call it."""
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    calls, began = around.models.count(CHAT), time.monotonic()
    replies = await asyncio.gather(*(ask(container, "ann", ASKED) for _ in range(50)))
    assert all(reply.extractive for reply in replies)
    assert around.models.count(CHAT) == calls
    assert time.monotonic() - began < 15, "one call alone might take 20 s"


async def test_while_questions_alone_cannot_be_embedded_a_crowd_still_shares_one_answer(
    around: Surroundings,
) -> None:
    """The language model is well, and there are those whose embedding is known."""
    container = open_container(around, extractive_fallback=False)
    await write_all_notes(around)
    await ask(container, "ann", ASKED)
    embeddings = container.circuit_breakers.embeddings
    embeddings.update(30, sent_at=embeddings.clock())
    around.models.chat_latency = 0.3
    before = around.models.count(CHAT)
    await container.freshness._invalidation.delete_user("ann")
    replies = await asyncio.gather(*(ask(container, "ann", ASKED) for _ in range(20)))
    assert all(reply.answer for reply in replies)
    assert around.models.count(CHAT) == before + 1
    await container.aclose()


async def test_a_quotation_does_not_wait_for_embeddings_that_do_not_come(
    around: Surroundings, container: Container
) -> None:
    """The words that a sentence shares with the question do without them."""
    around.models.failing[CHAT] = FAULTS["another form"]
    for _ in range(3):
        with suppress(InferenceError):  # with this question, so that its passages are known
            await ask(container, "ann", ASKED)
    assert container.circuit_breakers.chat.state == "open"
    around.models.failing[EMBED] = FAULTS["silence"]
    began = time.monotonic()
    reply = await ask(container, "ann", ASKED)
    assert time.monotonic() - began < 15, "a call that is not answered would take 20 s"
    assert reply.answer
    assert (reply.extractive, reply.answer.text) == (True, f"{ASKED} [1]")


async def test_what_was_given_meanwhile_is_counted_as_what_it_is(
    around: Surroundings, container: Container, clock: Clock
) -> None:
    """One outage is one, whoever met it; nothing that is stale or quoted counts as saved."""
    await ask(container, "ann", ASKED)
    clock.ahead += DAY + 1
    around.models.failing[CHAT] = FAULTS["an error"]
    quoted = await fail_until_open(container)
    assert (await ask(container, "ann", ASKED)).stale
    assert (await ask(container, "ann", "When does the pear tree want pruning?")).extractive
    await container.aclose()
    clock.ahead = 0
    total = (await container.counter_reader.read_snapshot(days=2)).total
    assert (total.latency("stale").count, total.latency("extractive").count) == (1, 1 + quoted)
    assert (total["breaker_opens"], total.answers_avoided, total.cost_saved) == (1, 0, 0)
    await container.aclose()
