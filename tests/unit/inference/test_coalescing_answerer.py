"""Equal questions over equal sources share one generation, and nothing else."""

import asyncio

import pytest

from shared.deadline import deadline_scope
from shared.errors import InferenceTimeoutError, InferenceUnavailableError
from shared.inference.coalescing_answerer import CoalescingAnswerer
from shared.inference.ports import Completion
from shared.notes.note import Source

SOURCES = [Source("n#0", "n", "Faith is trust.", 0.9)]


class Model:
    """Answers when it is told to."""

    model = "told"

    def __init__(self) -> None:
        self.begun = 0
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(self, question: str, *_: object, **__: object) -> Completion:
        self.begun += 1
        return Completion(f"{question}: {await asyncio.shield(self.done)}", self.model, cost=0.5)


async def test_equal_calls_share_one_generation_which_is_paid_for_once() -> None:
    sharing = CoalescingAnswerer(model := Model())
    asked = [asyncio.create_task(sharing.answer("faith", SOURCES)) for _ in range(3)]
    await asyncio.sleep(0)
    model.done.set_result("trust")
    answers = await asyncio.gather(*asked)
    assert [(answer.text, answer.cost) for answer in answers] == [
        ("faith: trust", 0.5),
        ("faith: trust", 0),
        ("faith: trust", 0),
    ]
    await sharing.answer("faith", SOURCES)
    assert model.begun == 2, "what is over is not shared"


async def test_other_sources_are_another_answer() -> None:
    """So nobody gets an answer from notes that have changed since."""
    sharing = CoalescingAnswerer(model := Model())
    model.done.set_result("trust")
    await asyncio.gather(sharing.answer("faith", SOURCES), sharing.answer("faith", []))
    assert model.begun == 2


async def test_a_failure_is_shared() -> None:
    sharing = CoalescingAnswerer(model := Model())
    asked = [asyncio.create_task(sharing.answer("faith", SOURCES)) for _ in range(3)]
    await asyncio.sleep(0)
    model.done.set_exception(InferenceUnavailableError("loading"))
    failures = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(failure) for failure in failures] == ["loading"] * 3


async def test_whoever_asked_first_may_leave_and_the_others_are_answered() -> None:
    sharing = CoalescingAnswerer(model := Model())
    first, second = (asyncio.create_task(sharing.answer("faith", SOURCES)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    model.done.set_result("trust")
    assert (await second).text == "faith: trust"
    assert model.begun == 1


async def test_nobody_waits_beyond_their_own_deadline() -> None:
    sharing = CoalescingAnswerer(Model())
    with deadline_scope(60):
        first = asyncio.create_task(sharing.answer("faith", SOURCES))
    await asyncio.sleep(0)
    with deadline_scope(0.01), pytest.raises(InferenceTimeoutError):
        await sharing.answer("faith", SOURCES)
    first.cancel()
