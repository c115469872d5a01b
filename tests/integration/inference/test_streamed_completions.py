"""Completions that arrive as an event stream: their text is passed on while it arrives."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.deadline import deadline_scope
from shared.errors import (
    InferenceError,
    InferenceTimeoutError,
    TokenLimitError,
    UnusableCompletionError,
)
from shared.inference.chat import HuggingFaceChat
from shared.inference.circuit_breaker import CircuitBreaker
from shared.inference.http_client import InferenceClient
from shared.inference.ports import ChatMessage, Completion
from shared.inference.prompted_answerer import PromptedAnswerer
from shared.inference.replies import size_limit
from shared.inference.replies.event_stream import EventStreamReader
from shared.notes.note import Source
from shared.settings import Settings
from tests.support.http_faults import Fault, drop, refuse, stream
from tests.support.huggingface import FakeHuggingFace

Open = Callable[..., InferenceClient]
QUESTION = [ChatMessage("user", "What is faith?")]
DONE = "data: [DONE]\n\n"


def event(content: Any = "", finish_reason: Any = None, **delta: Any) -> str:
    """Return one event of a chat completion."""
    choice = {"index": 0, "delta": {"content": content, **delta}, "finish_reason": finish_reason}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n"


@pytest.fixture
def passed() -> list[str]:
    return []


@pytest.fixture
def chat(open_client: Open, settings: Settings) -> HuggingFaceChat:
    return HuggingFaceChat(open_client(settings), settings)


async def complete(chat: HuggingFaceChat, passed: list[str]) -> Completion:
    return await chat.complete(QUESTION, max_tokens=64, on_text=passed.append)


async def test_text_is_passed_on_before_the_completion_ends(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str]
) -> None:
    """The host sends the end once the beginning has been passed on."""
    host.script(stream(event("Faith is"), event(" trust."), DONE, after_first=lambda: passed))
    assert (await complete(chat, passed)).text == "".join(passed) == "Faith is trust."


async def test_stream_passes_each_word_and_requests_the_usage(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str]
) -> None:
    host.answer = lambda _: "Faith is trust and more than that."
    completion = await complete(chat, passed)
    assert "".join(passed) == completion.text
    assert len(passed) == 7
    assert (completion.prompt_tokens, completion.completion_tokens) == (3, 7)
    (call,) = host.calls
    assert (call.body["stream"], call.body["stream_options"]) == (True, {"include_usage": True})


async def test_without_on_text_no_stream_is_requested(
    host: FakeHuggingFace, chat: HuggingFaceChat
) -> None:
    await chat.complete(QUESTION, max_tokens=64)
    assert host.calls[0].body["stream"] is False
    assert "stream_options" not in host.calls[0].body


async def test_host_that_refuses_stream_options_still_streams(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str]
) -> None:
    host.refused_parameters = frozenset({"stream_options"})
    for _ in range(2):
        completion = await complete(chat, passed)
    assert "".join(passed) == 2 * completion.text
    assert [("stream_options" in call.body) for call in host.calls] == [True, False, False]
    assert all(call.body["stream"] for call in host.calls)


async def test_error_that_explains_stream_options_by_stream_refuses_the_options_only(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str]
) -> None:
    text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    host.script(refuse(400, {"error": {"message": text}}))
    await complete(chat, passed)
    assert host.calls[1].body["stream"] is True


async def test_host_that_does_not_stream_answers_in_one_piece(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str]
) -> None:
    host.refused_parameters = frozenset({"stream", "stream_options"})
    completion = await complete(chat, passed)
    assert completion.text
    assert passed == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([event("Faith "), event("is."), event(finish_reason="stop"), DONE], "Faith is."),
        ([": ping\n\n", "id: 7\n", event("Faith."), "event: message\n", DONE], "Faith."),
        ([event("Faith."), 'data: {"choices": [], "usage": null}\n\n', DONE], "Faith."),
        ([event([{"type": "text", "text": "Fa"}]), event("ith."), DONE], "Faith."),
        ([event([{"type": "thinking", "thinking": "Hm"}]), event("Faith."), DONE], "Faith."),
        ([event(reasoning_content="Hm."), event("", reasoning="Hm."), event("Yes."), DONE], "Yes."),
        ([event("<thi"), event("nk>Hm.</thi"), event("nk>\n\nYes."), DONE], "Yes."),
        ([event("\n \n"), event("Yes.\n"), event("\n"), DONE], "Yes."),
    ],
    ids=repr,
)  # fmt: skip
async def test_forms_of_streams(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str], parts: list[str], expected: str
) -> None:
    host.script(stream(*parts))
    completion = await complete(chat, passed)
    assert "".join(passed) == completion.text == expected


async def test_answer_at_the_token_limit_is_incomplete(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str]
) -> None:
    host.script(stream(event("Faith is"), event(finish_reason="length"), DONE))
    completion = await complete(chat, passed)
    assert (completion.incomplete, "".join(passed)) == (True, "Faith is")


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([event("Faith is"), event(finish_reason="content_filter"), DONE], UnusableCompletionError),
        ([event("<think>Hm"), event(finish_reason="length"), DONE], TokenLimitError),
        ([event("Faith is"), 'data: {"error": {"message": "overloaded"}}\n\n'], InferenceError),
        ([event("Faith is")], InferenceError),  # neither a finish reason nor [DONE]
        ([event("Faith is"), "data: {broken\n\n", DONE], InferenceError),
    ],
    ids=["filtered", "only reasoning", "error", "cut", "broken"],
)
async def test_stream_without_an_answer_is_an_error_and_not_repeated(
    host: FakeHuggingFace,
    chat: HuggingFaceChat,
    passed: list[str],
    parts: list[str],
    error: type[InferenceError],
) -> None:
    host.script(stream(*parts))
    with pytest.raises(error):
        await complete(chat, passed)
    assert host.count("/chat/completions") == 1


@pytest.mark.parametrize(
    "fault",
    [
        drop,
        refuse(503),
        stream(then_drop=True),
        stream(": ping\n\n", event("<think>Hm"), then_drop=True),
        stream('data: {"error": {"message": "overloaded"}}\n\n'),
    ],
    ids=["drop", "503", "empty", "reasoning", "error"],
)
async def test_failure_before_the_first_text_is_retried(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str], fault: Fault
) -> None:
    host.script(fault)
    completion = await complete(chat, passed)
    assert "".join(passed) == completion.text
    assert host.count("/chat/completions") == 2


async def test_failure_after_the_first_text_is_not_retried_and_counts_in_the_breaker(
    host: FakeHuggingFace, open_client: Open, settings: Settings, passed: list[str]
) -> None:
    breaker = CircuitBreaker("model", "http://host", replace(settings, breaker_min_calls=1))
    host.script(stream(event("Faith is"), pause=0.01, then_drop=True))
    with pytest.raises(InferenceError):
        await complete(HuggingFaceChat(open_client(settings), settings, breaker), passed)
    assert (host.count("/chat/completions"), passed) == (1, ["Faith is"])
    assert breaker.state == "open"


async def test_slow_stream_ends_at_the_deadline(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str]
) -> None:
    host.script(stream(*[event("Faith ")] * 100, pause=0.05))
    with deadline_scope(0.3), pytest.raises(InferenceTimeoutError):
        await complete(chat, passed)
    assert passed


async def test_stream_that_is_too_large_is_an_error(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(size_limit, "MAX_REPLY_BYTES", 100_000)
    host.script(stream(event("Faith"), *[": " + "x" * 10_000 + "\n\n"] * 11, DONE))
    with pytest.raises(InferenceError, match="exceeds"):
        await complete(chat, passed)


async def test_reasoning_without_an_opening_tag_is_held_back_from_the_second_answer_on(
    host: FakeHuggingFace, chat: HuggingFaceChat
) -> None:
    parts = [event("He asks "), event("this.</think>"), event("Faith "), event("is trust."), DONE]
    for first in (True, False):
        passed: list[str] = []
        host.script(stream(*parts))
        completion = await complete(chat, passed)
        assert completion.text == "Faith is trust."
        assert ("".join(passed) == completion.text) is not first


async def test_setting_holds_reasoning_without_an_opening_tag_back(
    host: FakeHuggingFace, open_client: Open, settings: Settings, passed: list[str]
) -> None:
    settings = replace(settings, reasoning_without_opening_tag=True)
    host.script(stream(event("He asks this.</think>"), event("Faith "), event("is trust."), DONE))
    completion = await complete(HuggingFaceChat(open_client(settings), settings), passed)
    assert "".join(passed) == completion.text == "Faith is trust."


async def test_cancelled_call_closes_the_stream(
    host: FakeHuggingFace, chat: HuggingFaceChat, passed: list[str]
) -> None:
    host.token_latency = 0.1
    host.answer = lambda _: "Faith is trust. " * 20
    call = asyncio.create_task(complete(chat, passed))
    while not passed:  # noqa: ASYNC110  # the parts arrive in another task
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    count = len(passed)
    await asyncio.sleep(0.25)
    assert len(passed) == count


TOKENS = st.lists(
    st.sampled_from(
        ("Faith", " is", " [1]", "[7", "]", " [2", ",", " 9]", ".", "\n", "<think>", "</think>",
         "é", "`", "a", "[", " ", "\u2028", "😀")
    ),
    min_size=1,
    max_size=15,
)  # fmt: skip
SOURCES = [Source("n#0", "n", "Faith is trust.", 0.9), Source("n#1", "n", "Hope too.", 0.8)]


@hypothesis_settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tokens=TOKENS, cuts=st.lists(st.integers(0, 3_000), max_size=12))
async def test_parts_of_an_answer_are_its_beginning(
    host: FakeHuggingFace, chat: HuggingFaceChat, tokens: list[str], cuts: list[int]
) -> None:
    """However the host divides the text into events, and the network the events into bytes."""
    tokens = ["Faith is. ", *tokens]  # there is an answer in any case
    if "</think>" in tokens:  # without an opening tag all before it is reasoning
        tokens.remove("</think>")
        tokens = ["<think>", "Hm", "</think>", *(each for each in tokens if "think" not in each)]
    body = ("".join(map(event, tokens)) + DONE).encode()
    places = sorted({0, len(body), *(cut % len(body) for cut in cuts)})
    host.script(stream(*(body[a:b] for a, b in pairwise(places))))
    passed: list[str] = []
    try:
        answer = await PromptedAnswerer(chat, 1_200, 64).answer(
            "What?", SOURCES, on_text=passed.append
        )
    except InferenceError:  # reasoning that is not closed
        assert "<think>" in tokens
        return
    assert answer.text.startswith("".join(passed))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_events_are_read_whatever_their_line_ends(line_end: str) -> None:
    body = (event("Glaube ") + event("heißt\n😀") + DONE).replace("\n", line_end).encode()
    reader = EventStreamReader()
    assert "".join(reader.feed(bytes([byte])) for byte in body) == "Glaube heißt\n😀"
