"""One question, one generation: however many ask it at once, in however many processes.

`python -m tests.benchmarks stampede` lets 500 ask, in 8 processes.
"""

import asyncio
import os
import signal
import time
from pathlib import Path

from shared.notes.note import Chunk, Note
from tests.support.crowd import ASKED, NOTE, crowd
from tests.support.fakes import HashingEmbedder, SlowAnswerer, create_container
from tests.support.redis_faults import FaultyRedis

PROCESSES, ASKERS = 4, 102
EACH = (26, 26, 25, 25)
SECONDS = 1.5
ANSWER = f"what is faith: {NOTE}"


def test_the_same_question_in_several_processes_is_generated_once(
    redis: FaultyRedis, tmp_path: Path
) -> None:
    """Two of each process ask Redis for all others of it; while they wait, four times a second."""
    with crowd(
        redis.url, tmp_path / "log", processes=PROCESSES, askers=ASKERS, seconds=SECONDS
    ) as asking:
        redis.proxy.reset()
        began = time.monotonic()
        asking.ask()
        assert asking.replies() == [ANSWER] * ASKERS
        elapsed = time.monotonic() - began
    assert len(asking.generations()) == 1
    assert redis.proxy.round_trips <= 2 * PROCESSES * (10 + 4 * elapsed)


def test_where_the_generating_process_is_killed_another_takes_over(
    redis: FaultyRedis, tmp_path: Path
) -> None:
    """The first one never comes to its end by itself, so whenever it is killed is midway."""
    with crowd(
        redis.url,
        tmp_path / "log",
        processes=PROCESSES,
        askers=ASKERS,
        seconds=SECONDS,
        how="hangs",
    ) as asking:
        asking.ask()
        owner = asking.owner()
        place = [process.pid for process in asking.processes].index(owner)
        os.kill(owner, signal.SIGKILL)
        assert asking.replies() == [ANSWER] * (ASKERS - EACH[place])
    assert len(asking.generations()) == 2


def test_an_answer_that_takes_longer_than_a_flight_lasts_is_still_generated_once(
    redis: FaultyRedis, tmp_path: Path
) -> None:
    with crowd(redis.url, tmp_path / "log", processes=2, askers=10, seconds=5) as asking:
        asking.ask()
        assert asking.replies() == [ANSWER] * 10
    assert len(asking.generations()) == 1


def test_a_failure_reaches_whoever_waited_for_the_answer(
    redis: FaultyRedis, tmp_path: Path
) -> None:
    """It may be generated again for whoever came too late to wait, but not for each in turn."""
    with crowd(
        redis.url,
        tmp_path / "log",
        processes=PROCESSES,
        askers=ASKERS,
        seconds=SECONDS,
        how="fails",
    ) as asking:
        asking.ask()
        replies = asking.replies()
    assert replies == ["InferenceUnavailableError: the model is loading (7.0)"] * ASKERS
    assert len(asking.generations()) <= 3


def test_where_there_are_no_notes_nobody_waits_in_vain(redis: FaultyRedis, tmp_path: Path) -> None:
    with crowd(
        redis.url, tmp_path / "log", processes=2, askers=50, seconds=0, how="without notes"
    ) as asking:
        asking.ask()
        assert asking.replies() == [""] * 50
    assert asking.generations() == []


async def test_without_redis_one_process_generates_once(redis: FaultyRedis) -> None:
    redis.kill()
    answerer = SlowAnswerer(0.5)
    container = create_container(redis.url, answerer=answerer)
    (vector,) = await HashingEmbedder().embed([NOTE])
    note = Note("ann", "note", "", NOTE, 1, 1)
    await container.store.replace_note(note, [Chunk("note#0", "note", NOTE, vector)])
    replies = await asyncio.gather(*(container.assistant.ask(ASKED) for _ in range(100)))
    assert {reply.answer.text for reply in replies if reply.answer} == {ANSWER}
    assert {reply.cache for reply in replies} == {"unavailable"}
    assert answerer.begun == 1
    await container.aclose()
