"""Retries, delays and deadlines, over a real socket."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from shared.deadline import deadline_scope
from shared.errors import (
    InferenceError,
    InferenceRefusedError,
    InferenceTimeoutError,
    InferenceUnavailableError,
)
from shared.inference.chat import HuggingFaceChat
from shared.inference.embeddings import HuggingFaceEmbedder
from shared.inference.http_client import InferenceClient, Retries
from shared.inference.ports import ChatMessage
from shared.settings import Settings
from tests.support.http_faults import Fault, drip, drop, refuse, stall, truncate
from tests.support.huggingface import FakeHuggingFace, serving
from tests.support.waiting import until

CONVERSATION = [ChatMessage("system", "Be brief."), ChatMessage("user", "Who was Ruth?")]

Open = Callable[..., InferenceClient]


def chatting(client: InferenceClient, settings: Settings) -> Awaitable[object]:
    return HuggingFaceChat(client, settings).complete(CONVERSATION, max_tokens=64)


@pytest.mark.parametrize(
    "fault",
    [
        *(refuse(status, {"error": "x"}) for status in (408, 429, 500, 502, 503, 504)),
        drop,
        truncate,
    ],
    ids=["408", "429", "500", "502", "503", "504", "dropped", "truncated"],
)
async def test_transient_failure_is_retried_twice(
    host: FakeHuggingFace, settings: Settings, open_client: Open, fault: Fault
) -> None:
    client = open_client(settings)
    host.script(fault, fault)
    await chatting(client, settings)
    assert host.count("/chat/completions") == 3
    host.script(fault, fault, fault)
    with pytest.raises(InferenceError):
        await chatting(client, settings)
    assert host.count("/chat/completions") == 6


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 501])
async def test_permanent_failure_is_not_retried(
    host: FakeHuggingFace, settings: Settings, open_client: Open, status: int
) -> None:
    host.script(refuse(status, {"error": "x"}))
    with pytest.raises(InferenceError):
        await chatting(open_client(settings), settings)
    assert len(host.calls) == 1


async def test_redirects_are_not_followed(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    host.script(refuse(308, Location="http://127.0.0.1:9/"))
    with pytest.raises(
        InferenceRefusedError, match="Set HF_CHAT_URL to the target of the redirect"
    ):
        await chatting(open_client(settings), settings)


async def test_retry_waits_as_long_as_the_host_asks_for(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    """The delay is what the host asks for, plus jitter that doubles."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    retries = Retries(base_delay=1.0, sleep=sleep, random=lambda: 0.5)
    host.script(refuse(429, {}, RateLimit='"api";r=0;t=3'), refuse(503, {"estimated_time": 2}))
    await chatting(open_client(settings, retries), settings)
    assert slept == [3.5, 3.0]


@pytest.mark.parametrize("seconds", [4, 55])
async def test_wait_beyond_the_deadline_fails_at_once_with_retry_after(
    host: FakeHuggingFace, settings: Settings, open_client: Open, seconds: int
) -> None:
    """Of five seconds, a delay of four and the jitter leave less than one for the call."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    host.script(refuse(429, {}, Retry_After=str(seconds)))
    retries = Retries(sleep=sleep, random=lambda: 0.1)
    settings = replace(settings, inference_timeout=5)
    with pytest.raises(InferenceUnavailableError) as caught:
        await chatting(open_client(settings, retries), settings)
    assert caught.value.retry_after == seconds
    assert (len(host.calls), slept) == (1, [])


def test_backoff_has_full_jitter_doubles_and_is_bounded() -> None:
    def delay(share: float, retry: int) -> float | None:
        retries = Retries(max_retries=9, random=lambda: share)
        return retries.delay(retry, None, 100.0)

    assert [delay(1.0, retry) for retry in range(5)] == [0.25, 0.5, 1.0, 2.0, 2.0]
    assert delay(0.0, 3) == 0.0


@pytest.mark.parametrize("fault", [stall(60), drip()], ids=["no reply", "endless reply"])
async def test_deadline_ends_a_call_to_a_host_that_does_not_finish(
    host: FakeHuggingFace, settings: Settings, open_client: Open, fault: Fault
) -> None:
    settings = replace(settings, inference_timeout=30)
    client = open_client(settings)
    host.script(fault)
    clock = asyncio.get_running_loop().time
    started = clock()
    chat = HuggingFaceChat(client, settings)
    with (
        deadline_scope(2),
        pytest.raises(InferenceTimeoutError, match=r"no complete reply within [12]\.\d s"),
    ):
        await chat.complete(CONVERSATION, max_tokens=9)
    # A busy machine may be late, but not as late as `inference_timeout`.
    assert 1.9 < clock() - started < 15
    # The aborted connection is not reused.
    await chatting(client, settings)
    assert len({call.port for call in host.calls}) == 2


async def test_inference_timeout_ends_a_call_without_a_deadline(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    settings = replace(settings, inference_timeout=0.2)
    host.chat_latency = 60
    with pytest.raises(InferenceTimeoutError, match=r"within 0\.2 s"):
        await chatting(open_client(settings), settings)


async def test_expired_deadline_sends_no_request(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    with deadline_scope(-1), pytest.raises(InferenceTimeoutError):
        await HuggingFaceEmbedder(open_client(settings), settings).embed(["a"])
    assert host.calls == []


async def test_cancelled_call_raises_cancelled_error_instead_of_a_time_out(
    host: FakeHuggingFace, settings: Settings, open_client: Open
) -> None:
    host.chat_latency = 60
    task = asyncio.ensure_future(chatting(open_client(settings), settings))
    await until(lambda: host.calls)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_refused_connection_is_unavailable(settings: Settings, open_client: Open) -> None:
    with serving(FakeHuggingFace()) as url:
        pass
    settings = replace(settings, chat_url=f"{url}/v1/chat/completions")
    with pytest.raises(InferenceUnavailableError, match="is unreachable"):
        await chatting(open_client(settings), settings)


async def test_hanging_chats_do_not_delay_embeddings(
    host: FakeHuggingFace, settings: Settings
) -> None:
    """Each operation has 100 concurrent calls of its own."""
    client = InferenceClient(settings)
    host.chat_latency = 60
    chats = [asyncio.ensure_future(chatting(client, settings)) for _ in range(130)]
    await until(lambda: host.count("/chat/completions") == 100)
    assert len(await HuggingFaceEmbedder(client, settings).embed(["text"])) == 1
    assert host.count("/chat/completions") == 100
    assert not any(chat.done() for chat in chats)
    for chat in chats:
        chat.cancel()
    await asyncio.gather(*chats, return_exceptions=True)
    await client.aclose()
