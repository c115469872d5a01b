"""Replies that are too large, too deep or badly labelled are errors that the breaker counts."""

import asyncio
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse

from shared.errors import InferenceError
from shared.inference.chat import HuggingFaceChat
from shared.inference.circuit_breaker import CircuitBreaker
from shared.inference.embeddings import HuggingFaceEmbedder
from shared.inference.http_client import InferenceClient, Retries
from shared.inference.ports import ChatMessage
from shared.inference.replies.size_limit import MAX_REPLY_BYTES
from shared.settings import Settings
from tests.support.huggingface import FakeHuggingFace

MB = 1_000_000
QUESTION = [ChatMessage("user", "Why?")]
COMPLETION: dict[str, Any] = {
    "choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3},
}


async def _megabytes(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * MB
        await asyncio.sleep(0)


def _gzip_bomb(layers: int = 1, wbits: int = 31) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    body = b"".join(packer.compress(b"0" * MB) for _ in range(200)) + packer.flush()
    for _ in range(layers - 1):
        body = gzip.compress(body)
    return body


def _sent(content: bytes | str, status: int = 200, **headers: str) -> Response:
    return Response(content, status, {name.replace("_", "-"): headers[name] for name in headers})


def _deep(form: str, depth: int = 900) -> str:
    return form.replace("DEEP", "[" * depth + "]" * depth)


LARGE: dict[str, Callable[[], Response]] = {
    "100 MB": lambda: StreamingResponse(_megabytes(100)),
    "100 MB with an error status": lambda: StreamingResponse(_megabytes(100), 500),
    "100 MB with a refused token": lambda: StreamingResponse(_megabytes(100), 401),
    "gzip bomb": lambda: _sent(_gzip_bomb(), Content_Encoding="gzip"),
    "deflate bomb": lambda: _sent(_gzip_bomb(wbits=15), Content_Encoding="deflate"),
    "gzip bomb in gzip": lambda: _sent(_gzip_bomb(2), Content_Encoding="gzip, gzip"),
}
UNUSABLE: dict[str, Callable[[], Response]] = {
    **{
        f"charset {name} with status {status}": partial(
            _sent, "Boom", status, Content_Type=f"text/plain; charset={name}"
        )
        for name in ("undefined", "idna", "rot13", "zlib", "punycode", "base64", "none-such", "")
        for status in (200, 400, 500)
    },
    "another encoding": lambda: _sent("{}", Content_Encoding="br"),
    "no gzip": lambda: _sent("{}", Content_Encoding="gzip"),
    "deep": lambda: _sent(_deep("DEEP")),
    "deep error": lambda: _sent(_deep('{"error": DEEP}'), 400),
    "deep code": lambda: _sent(_deep('{"error": {"code": DEEP, "param": DEEP}}'), 400),
    "deep detail": lambda: _sent(_deep('{"detail": [{"loc": DEEP}]}'), 422),
    "deep finish reason": lambda: _sent(
        _deep('{"choices": [{"finish_reason": DEEP, "message": {"content": DEEP}}]}')
    ),
    "deep index": lambda: _sent(_deep('{"data": [{"index": DEEP, "embedding": []}]}')),
    "deeper than Python's stack": lambda: _sent(_deep('{"error": DEEP}', 200_000), 500),
    "code of 5,000 digits": lambda: _sent(json.dumps({"error": {"code": "9" * 5_000}}), 400),
    "number of 5,000 digits": lambda: _sent('{"error": {"code": ' + "9" * 5_000 + "}}", 400),
    "message of 7 MB": lambda: _sent(
        json.dumps({"error": {"code": "a " * MB, "message": "model exceeds input " * (MB // 4)}}),
        400,
    ),
}


@pytest.fixture
async def client(
    host: FakeHuggingFace, settings: Settings, open_client: Callable[..., InferenceClient]
) -> InferenceClient:
    return open_client(settings, retries=Retries(max_retries=0))


@pytest.mark.parametrize("endpoint", ["chat", "embeddings"])
@pytest.mark.parametrize("reply", [*LARGE, *UNUSABLE])
async def test_hostile_body_is_an_error_that_the_circuit_breaker_counts(
    host: FakeHuggingFace, client: InferenceClient, settings: Settings, endpoint: str, reply: str
) -> None:
    host.script((LARGE | UNUSABLE)[reply]())
    breaker = CircuitBreaker("m", "u", settings)
    chat = HuggingFaceChat(client, settings, breaker)
    embedder = HuggingFaceEmbedder(client, settings, breaker)
    is_chat = endpoint == "chat"
    call = chat.complete(QUESTION, max_tokens=9) if is_chat else embedder.embed(["one"])
    began = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(InferenceError) as caught:
            await call
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert breaker.take_report().calls == 1
    assert time.perf_counter() - began < 5
    if reply in LARGE:
        assert f"its body exceeds {MAX_REPLY_BYTES:,} bytes" in str(caught.value) or (
            reply == "gzip bomb in gzip"
        )
        assert peak < 8 * MAX_REPLY_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
async def test_compressed_reply_is_read(
    host: FakeHuggingFace, client: InferenceClient, settings: Settings, encoding: str
) -> None:
    text = json.dumps(COMPLETION).encode()
    packed = {"gzip": gzip.compress(text), "deflate": zlib.compress(text), "identity": text}
    host.script(_sent(packed[encoding], Content_Encoding=encoding))
    chat = HuggingFaceChat(client, settings)
    assert (await chat.complete(QUESTION, max_tokens=9)).text == "Yes."


@pytest.mark.parametrize("count", [10**400, -(10**400), 2**63])
async def test_token_count_that_is_not_plausible_is_estimated(
    host: FakeHuggingFace, client: InferenceClient, settings: Settings, count: int
) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": count}
    host.script(_sent(json.dumps(COMPLETION | {"usage": usage})))
    chat = HuggingFaceChat(client, settings)
    completion = await chat.complete(QUESTION, max_tokens=9)
    assert completion.prompt_tokens is completion.completion_tokens is None
    assert 0 < completion.cost < 0.01
