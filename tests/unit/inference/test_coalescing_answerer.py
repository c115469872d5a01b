"""Calls with the same question and sources share one generation; other calls do not."""

import asyncio
from datetime import date

import pytest

from shared.deadline import deadline_scope
from shared.errors import (
    InferenceTimeoutError,
    InferenceUnavailableError,
    UnusableCompletionError,
)
from shared.inference.coalescing_answerer import CoalescingAnswerer
from shared.inference.ports import Completion, OnText
from shared.notes.note import Source

SOURCES = [Source("n#0", "n", "Faith is trust.", 0.9)]


class Model:
    """Answers when the test completes `done`."""

    model = "fake"

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.on_text: OnText | None = None
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(
        self, question: str, *_: object, on_text: OnText | None = None, **__: object
    ) -> Completion:
        self.begun += 1
        self.on_text = on_text
        try:
            text = f"{question}: {await asyncio.shield(self.done)}"
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Completion(text, self.model, cost=0.5)


async def test_equal_calls_share_one_generation_and_its_cost_counts_once() -> None:
    answerer = CoalescingAnswerer(model := Model())
    calls = [asyncio.create_task(answerer.answer("faith", SOURCES)) for _ in range(3)]
    await asyncio.sleep(0)
    model.done.set_result("trust")
    answers = await asyncio.gather(*calls)
    assert [(answer.text, answer.cost) for answer in answers] == [
        ("faith: trust", 0.5),
        ("faith: trust", 0),
        ("faith: trust", 0),
    ]
    await answerer.answer("faith", SOURCES)
    assert model.begun == 2, "a finished generation was shared"


async def test_calls_with_different_sources_are_not_coalesced() -> None:
    """So no caller gets an answer from notes that have changed since."""
    answerer = CoalescingAnswerer(model := Model())
    model.done.set_result("trust")
    await asyncio.gather(answerer.answer("faith", SOURCES), answerer.answer("faith", []))
    assert model.begun == 2


async def test_calls_of_different_days_are_not_coalesced() -> None:
    answerer = CoalescingAnswerer(model := Model())
    model.done.set_result("trust")
    days = (None, date(2026, 11, 23), date(2026, 11, 24))
    await asyncio.gather(*(answerer.answer("faith", SOURCES, today=day) for day in days))
    assert model.begun == 3


async def test_failure_is_shared() -> None:
    answerer = CoalescingAnswerer(model := Model())
    calls = [asyncio.create_task(answerer.answer("faith", SOURCES)) for _ in range(3)]
    await asyncio.sleep(0)
    model.done.set_exception(InferenceUnavailableError("loading"))
    failures = await asyncio.gather(*calls, return_exceptions=True)
    assert [str(failure) for failure in failures] == ["loading"] * 3


async def test_cost_of_an_unusable_completion_counts_once() -> None:
    answerer = CoalescingAnswerer(model := Model())
    calls = [asyncio.create_task(answerer.answer("faith", SOURCES)) for _ in range(3)]
    await asyncio.sleep(0)
    model.done.set_exception(UnusableCompletionError("filtered", cost=0.5))
    failures = await asyncio.gather(*calls, return_exceptions=True)
    assert [getattr(failure, "cost", None) for failure in failures] == [0.5, 0, 0]
    assert {str(failure) for failure in failures} == {"filtered"}


async def test_followers_are_answered_after_the_leader_is_cancelled() -> None:
    answerer = CoalescingAnswerer(model := Model())
    first, second = (asyncio.create_task(answerer.answer("faith", SOURCES)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    model.done.set_result("trust")
    assert (await second).text == "faith: trust"
    assert model.begun == 1


async def test_follower_waits_no_longer_than_its_own_deadline() -> None:
    answerer = CoalescingAnswerer(Model())
    with deadline_scope(60):
        first = asyncio.create_task(answerer.answer("faith", SOURCES))
    await asyncio.sleep(0)
    with deadline_scope(0.01), pytest.raises(InferenceTimeoutError):
        await answerer.answer("faith", SOURCES)
    first.cancel()


async def test_follower_gets_the_text_so_far_and_what_arrives_later() -> None:
    answerer = CoalescingAnswerer(model := Model())
    texts: list[list[str]] = [[], []]
    first = asyncio.create_task(answerer.answer("faith", SOURCES, on_text=texts[0].append))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert model.on_text
    model.on_text("faith: ")
    second = asyncio.create_task(answerer.answer("faith", SOURCES, on_text=texts[1].append))
    await asyncio.sleep(0)
    model.on_text("tru")
    model.done.set_result("trust")
    await asyncio.gather(first, second)
    assert texts == [["faith: ", "tru"]] * 2


async def test_generation_ends_when_its_last_caller_is_cancelled() -> None:
    answerer = CoalescingAnswerer(model := Model())
    calls = [asyncio.create_task(answerer.answer("faith", SOURCES)) for _ in range(2)]
    await asyncio.sleep(0)
    calls[0].cancel()
    await asyncio.sleep(0)
    calls[1].cancel()
    await asyncio.sleep(0)
    again = asyncio.create_task(answerer.answer("faith", SOURCES))  # not the cancelled generation
    await asyncio.wait(calls)
    model.done.set_result("trust")
    assert (await again).text == "faith: trust"
    assert (model.begun, model.cancelled) == (2, 1)
