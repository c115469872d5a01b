"""Single-flight: concurrent equal requests in several processes cause one generation.

`python -m tests.benchmarks stampede` sends 500 requests from 8 processes.
"""

import asyncio
import os
import signal
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from shared.notes.note import Chunk, Note
from shared.question import Request
from tests.support.fakes import HashingEmbedder, SlowAnswerer, create_container
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.redis_faults import FaultyRedis
from tests.support.stampede import NOTE, REQUEST, Stampede, start_stampede

PROCESSES, REQUESTS = 4, 102
REQUESTS_OF_EACH = (26, 26, 25, 25)
SECONDS = 1.5
ANSWER = f"{REQUEST.query}: {NOTE}"


def start(redis: FaultyRedis, folder: Path, **options: Any) -> AbstractContextManager[Stampede]:
    defaults = {"processes": PROCESSES, "requests": REQUESTS, "seconds": SECONDS}
    return start_stampede(redis.url, folder / "log", **defaults | options)


def test_concurrent_requests_in_several_processes_share_one_generation(
    redis: FaultyRedis, tmp_path: Path
) -> None:
    """Two requests of each process use Redis for all others: at most four polls a second."""
    with start(redis, tmp_path) as stampede:
        redis.proxy.reset()
        began = time.monotonic()
        stampede.ask()
        assert stampede.replies() == [ANSWER] * REQUESTS
        elapsed = time.monotonic() - began
    assert len(stampede.generations()) == 1
    assert redis.proxy.round_trips <= 2 * PROCESSES * (10 + 4 * elapsed)


def test_another_process_generates_if_the_lock_holder_is_killed(
    redis: FaultyRedis, tmp_path: Path
) -> None:
    """The first generation hangs, so the process is always killed during it."""
    with start(redis, tmp_path, how="hangs") as stampede:
        stampede.ask()
        holder = stampede.wait_for_holder()
        place = [process.pid for process in stampede.processes].index(holder)
        os.kill(holder, signal.SIGKILL)
        assert stampede.replies() == [ANSWER] * (REQUESTS - REQUESTS_OF_EACH[place])
    assert len(stampede.generations()) == 2


@pytest.mark.slow
def test_lock_is_renewed_during_a_long_generation(redis: FaultyRedis, tmp_path: Path) -> None:
    with start(redis, tmp_path, processes=2, requests=10, seconds=5) as stampede:
        stampede.ask()
        assert stampede.replies() == [ANSWER] * 10
    assert len(stampede.generations()) == 1


def test_waiting_requests_get_the_lock_holders_error(redis: FaultyRedis, tmp_path: Path) -> None:
    """A request that came too late to wait may generate again, but not each request."""
    with start(redis, tmp_path, how="fails", processes=2) as stampede:
        stampede.ask()
        replies = stampede.replies()
    assert replies == ["InferenceUnavailableError: the model is loading (7.0)"] * REQUESTS
    assert len(stampede.generations()) <= 3


def test_requests_without_notes_do_not_wait(redis: FaultyRedis, tmp_path: Path) -> None:
    options = {"processes": 2, "requests": 50, "seconds": 0, "how": "without notes"}
    with start(redis, tmp_path, **options) as stampede:
        stampede.ask()
        assert stampede.replies() == [""] * 50
    assert stampede.generations() == []


@pytest.mark.parametrize("containers", [1, 2])
async def test_requests_that_arrive_while_an_answer_is_stored_share_its_generation(
    redis: FaultyRedis, containers: int
) -> None:
    """A generation ends while later requests are between their lookup and the lock."""
    answerer, store = SlowAnswerer(0.004), MemoryNoteStore()
    opened = [
        create_container(redis.url, store, answerer, redis_timeout=5) for _ in range(containers)
    ]
    (vector,) = await HashingEmbedder().embed([NOTE])
    await store.replace_note(
        Note("ann", "note", "", NOTE, 1, 1), [Chunk("note#0", "note", NOTE, vector)]
    )

    async def ask(number: int, question: int) -> str:
        await asyncio.sleep(number * 0.001)
        assistant = opened[number % containers].assistant
        reply = await assistant.ask(Request("ann", f"What is grace number {question}?"))
        assert reply.answer
        return reply.answer.answer_id

    for question in range(30):
        ids = await asyncio.gather(*(ask(number, question) for number in range(12)))
        assert len(set(ids)) == 1
        assert answerer.begun == question + 1
    for container in opened:
        await container.aclose()


async def test_one_process_generates_once_without_redis(redis: FaultyRedis) -> None:
    redis.kill()
    answerer = SlowAnswerer(0.5)
    container = create_container(redis.url, answerer=answerer)
    (vector,) = await HashingEmbedder().embed([NOTE])
    note = Note("ann", "note", "", NOTE, 1, 1)
    await container.store.replace_note(note, [Chunk("note#0", "note", NOTE, vector)])
    replies = await asyncio.gather(*(container.assistant.ask(REQUEST) for _ in range(100)))
    assert {reply.answer.text for reply in replies if reply.answer} == {ANSWER}
    assert {reply.cache for reply in replies} == {"unavailable"}
    assert answerer.begun == 1
    await container.aclose()
