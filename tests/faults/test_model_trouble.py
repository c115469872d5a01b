"""Hugging Face fails: the answer of before, else the notes' own words, else when to ask again.

All containers learn of it by way of the cache, and each finds out by itself where there is none.
"""

import asyncio
import re
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.local.valkey import free_port
from shared import statistics
from shared.container import Container
from shared.errors import BreakerOpenError, InferenceError
from shared.settings import Settings
from tests.support.asking import NOTES, Surroundings, surroundings, write_notes
from tests.support.http_faults import drip, drop, refuse, send_json, send_text, stall, truncate
from tests.support.main_job import ask, written

CHAT, EMBED = "/chat/completions", "/embed"
ASKED = NOTES["hebrews"]

FAULTS = {
    "an error": refuse(500, {"error": "Internal Server Error"}),
    "loading": refuse(503, {"error": "Model is currently loading", "estimated_time": 20.0}),
    "rate limit": refuse(429, {"error": "Too many"}, RateLimit='"api";r=0;t=55'),
    "time-out": refuse(504),
    "silence": stall(30),
    "a slow drip": drip(),
    "half a reply": truncate,
    "a reset": drop,
    "malformed JSON": send_text('{"choices": ['),
    "another form": send_json({"hello": "there"}),
    "an error within a good reply": send_json({"error": "overloaded"}),
}


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    with surroundings(tmp_path) as around:
        around.models.embed = by_words
        yield around


def by_words(texts: Sequence[str]) -> list[list[float]]:
    """Embeddings that are near each other where the texts share words."""
    rows = np.full((len(texts), 384), 1e-3)
    for row, text in zip(rows, texts, strict=True):
        for word in re.findall(r"\w+", text.casefold()):
            row[zlib.crc32(word.encode()) % 384] += 1
    return [[float(each) for each in row] for row in rows]


def open_container(around: Surroundings, **changes: object) -> Container:
    settings = Settings.from_env(around.environ)
    given = {"inference_timeout": 0.6, "breaker_min_calls": 2, "breaker_pause": 30} | changes
    return Container(replace(settings, **given))  # type: ignore[arg-type]  # by name


@pytest.fixture
async def container(around: Surroundings) -> AsyncIterator[Container]:
    container = open_container(around)
    await write_notes(container, "ann")
    yield container
    await container.aclose()


async def fail_until_open(container: Container) -> None:
    number = 0
    while container.breakers.state != "open":
        number += 1
        with pytest.raises(InferenceError):
            await ask(container, "ann", f"What is number {number}?")
    assert number < 9


@pytest.mark.parametrize("fault", FAULTS)
async def test_however_the_model_fails_the_breaker_opens_and_the_notes_answer(
    around: Surroundings, container: Container, fault: str
) -> None:
    """Without another call to the model, and without a wait."""
    around.models.failing[CHAT] = FAULTS[fault]
    await fail_until_open(container)
    calls, began = around.models.count(CHAT), time.monotonic()
    reply = await ask(container, "ann", ASKED)
    assert time.monotonic() - began < 0.5
    assert around.models.count(CHAT) == calls
    assert reply.answer
    assert (reply.degraded, reply.stale, reply.stored) == (True, False, False)
    assert reply.answer.text == f"{ASKED} [1]"


async def test_an_answer_whose_time_is_up_is_given_before_a_quotation(
    around: Surroundings,
) -> None:
    container = open_container(around, answer_ttl=1)
    await write_notes(container, "ann")
    before = await ask(container, "ann", ASKED)
    await asyncio.sleep(1.1)
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", ASKED)
    assert (reply.stale, reply.degraded, reply.tier) == (True, False, "l1")
    assert (reply.answer, reply.sources) == (before.answer, before.sources)
    assert (await ask(container, "ann", ASKED, fresh=True)).degraded
    await container.aclose()


async def test_an_answer_is_never_stale_once_its_notes_have_changed(around: Surroundings) -> None:
    container = open_container(around, answer_ttl=1)
    await write_notes(container, "ann")
    await ask(container, "ann", ASKED)
    await asyncio.sleep(1.1)
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    await container.freshness.note_changed(written("ann", "hebrews", "Faith is a gift of God."))
    reply = await ask(container, "ann", ASKED)
    assert not reply.stale
    assert reply.answer is None or ASKED not in reply.answer.text
    await container.aclose()


async def test_a_degraded_answer_is_not_kept(
    around: Surroundings, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    assert (await ask(container, "ann", ASKED)).degraded
    around.models.failing.clear()
    other = open_container(around, breaker_min_calls=99)
    monkeypatch.setattr(other.breakers.chat, "learn_pause", lambda _: None)  # it knows nothing
    reply = await ask(other, "ann", ASKED)
    assert (reply.degraded, reply.stored, reply.match) == (False, True, None)
    await other.aclose()


async def test_without_either_the_caller_learns_when_to_ask_again(around: Surroundings) -> None:
    container = open_container(around, degraded_answers=False)
    await write_notes(container, "ann")
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    with pytest.raises(BreakerOpenError) as raised:
        await ask(container, "ann", ASKED)
    assert 25 < (raised.value.retry_after or 0) <= 30
    assert raised.value.status == 503
    await container.aclose()


async def test_cached_answers_are_given_as_ever(around: Surroundings, container: Container) -> None:
    """An exact hit asks nobody how the model fares."""
    cached = await ask(container, "ann", ASKED)
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", ASKED)
    assert (reply.match, reply.stale, reply.answer) == ("exact", False, cached.answer)


async def test_where_questions_cannot_be_embedded_there_is_still_the_answer_of_before(
    around: Surroundings,
) -> None:
    container = open_container(around, answer_ttl=1, embedding_ttl=1)
    await write_notes(container, "ann")
    before = await ask(container, "ann", ASKED)
    await asyncio.sleep(1.1)
    around.models.failing[EMBED] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", ASKED)
    assert (reply.stale, reply.answer) == (True, before.answer)
    with pytest.raises(BreakerOpenError):
        await ask(container, "ann", "What is grace?")
    await container.aclose()


async def test_containers_learn_of_it_from_each_other(
    around: Surroundings, container: Container
) -> None:
    """The other one finds the breaker open before it has called the model once."""
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    calls = around.models.count(CHAT)
    other = open_container(around)
    assert (await ask(other, "ann", ASKED)).degraded
    assert around.models.count(CHAT) == calls
    await other.aclose()


async def test_without_redis_a_container_finds_out_by_itself(around: Surroundings) -> None:
    container = open_container(around, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    await write_notes(container, "ann")
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    reply = await ask(container, "ann", ASKED)
    assert (reply.degraded, reply.cache) == (True, "unavailable")
    await container.aclose()


async def two_that_left_it_alone(around: Surroundings) -> tuple[Container, Container]:
    """Two containers, of which one met the failures and the other heard; the model is back now."""
    first, second = (open_container(around, breaker_pause=0.4) for _ in range(2))
    await write_notes(first, "ann")
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(first)
    assert (await ask(second, "ann", ASKED)).degraded
    around.models.failing.clear()
    return first, second


async def test_when_the_model_is_back_one_question_finds_out_and_all_are_answered(
    around: Surroundings,
) -> None:
    first, second = await two_that_left_it_alone(around)
    await asyncio.sleep(0.45)
    probe = await ask(first, "ann", ASKED)
    assert (probe.degraded, probe.stale) == (False, False)
    reply = await ask(second, "ann", "What does the garden want?")
    assert not reply.degraded
    assert (first.breakers.state, second.breakers.state) == ("closed", "closed")
    await first.aclose()
    await second.aclose()


async def test_a_crowd_does_not_wait_for_a_model_that_is_left_alone(
    around: Surroundings, container: Container
) -> None:
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    began = time.monotonic()
    replies = await asyncio.gather(*(ask(container, "ann", ASKED) for _ in range(50)))
    assert all(reply.degraded for reply in replies)
    assert time.monotonic() - began < 5


async def test_while_questions_alone_cannot_be_embedded_a_crowd_still_shares_one_answer(
    around: Surroundings,
) -> None:
    """The language model is well, and there are those whose embedding is known."""
    container = open_container(around, degraded_answers=False)
    await write_notes(container, "ann")
    await ask(container, "ann", ASKED)
    container.breakers.embeddings.learn_pause(30)
    around.models.chat_latency = 0.3
    before = around.models.count(CHAT)
    await container.freshness._invalidation.forget("ann")
    replies = await asyncio.gather(*(ask(container, "ann", ASKED) for _ in range(20)))
    assert all(reply.answer for reply in replies)
    assert around.models.count(CHAT) == before + 1
    await container.aclose()


async def test_of_two_containers_one_finds_out_whether_the_model_is_back(
    around: Surroundings,
) -> None:
    """And whoever asks the other one meanwhile gets a quotation, not an error, a crowd too."""
    first, second = await two_that_left_it_alone(around)
    around.models.chat_latency = 0.4
    await asyncio.sleep(0.45)
    calls = around.models.count(CHAT)
    probe = asyncio.create_task(ask(first, "ann", ASKED))
    await asyncio.sleep(0.1)
    replies = await asyncio.gather(*(ask(second, "ann", ASKED) for _ in range(10)))
    assert all(reply.degraded for reply in replies)
    assert not (await probe).degraded
    assert around.models.count(CHAT) == calls + 1
    await first.aclose()
    await second.aclose()


async def test_a_quotation_does_not_wait_for_embeddings_that_do_not_come(
    around: Surroundings,
) -> None:
    """The words that a sentence shares with the question do without them."""
    container = open_container(around, inference_timeout=5, breaker_min_calls=3)
    await write_notes(container, "ann")
    around.models.failing[CHAT] = FAULTS["another form"]
    while container.breakers.chat.state != "open":
        with pytest.raises(InferenceError):
            await ask(container, "ann", ASKED)
    around.models.failing[EMBED] = FAULTS["silence"]
    began = time.monotonic()
    reply = await ask(container, "ann", ASKED)
    assert time.monotonic() - began < 4
    assert reply.answer
    assert (reply.degraded, reply.answer.text) == (True, f"{ASKED} [1]")
    await container.aclose()


async def test_what_was_given_meanwhile_is_counted_as_what_it_is(around: Surroundings) -> None:
    """One outage is one, whoever met it; nothing that is stale or quoted counts as saved."""
    container = open_container(around, answer_ttl=1)
    await write_notes(container, "ann")
    await ask(container, "ann", ASKED)
    await asyncio.sleep(1.1)
    around.models.failing[CHAT] = FAULTS["an error"]
    await fail_until_open(container)
    assert (await ask(container, "ann", ASKED)).stale
    assert (await ask(container, "ann", "When does the pear tree want pruning?")).degraded
    await container.aclose()
    total = (await statistics.read(container.ledger)).total
    assert (total.latency["stale"].count, total.latency["degraded"].count) == (1, 1)
    assert (total["breakers_opened"], total.avoided, total.saved) == (1, 0, 0)
    await container.aclose()
