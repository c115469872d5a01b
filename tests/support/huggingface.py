"""A fake of Hugging Face's and other hosts: deterministic, with latencies and faults.

It serves the hub's feature extraction, `/embed` of text-embeddings-inference, Ollama's
`/api/embed`, and OpenAI's `/v1/embeddings`, `/v1/chat/completions` and `/v1/models`, in process
as an ASGI app or over a real socket:

    with serving(FakeHuggingFace()) as url: ...
"""

import asyncio
import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.support.http_faults import Fault

EMBED = Callable[[Sequence[str]], Sequence[Sequence[float]]]
ANSWER = Callable[[Sequence[dict[str, str]]], str]


_PATHS = (
    *("/v1/models", "/v1/chat/completions", "/v1/embeddings"),
    *("/embed", "/pipeline/feature-extraction"),
)


def hashed_embeddings(texts: Sequence[str], dimensions: int = 384) -> list[list[float]]:
    """Return a random unit vector for each text, seeded with the text's hash."""
    rows = []
    for text in texts:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        row = np.random.default_rng(seed).standard_normal(dimensions)
        rows.append([float(component) for component in row / np.linalg.norm(row)])
    return rows


def hashed_answer(messages: Sequence[dict[str, str]]) -> str:
    """Return an answer with a hash of the conversation."""
    digest = hashlib.sha256(json.dumps(list(messages)).encode()).hexdigest()[:16]
    return f"The notes refer to {digest} [1]."


@dataclass(frozen=True)
class Call:
    """One received request. The client's port identifies the connection."""

    path: str
    headers: dict[str, str]
    body: Any
    port: int | None


class FakeHuggingFace:
    """The ASGI app. Its attributes may be changed at any time."""

    def __init__(
        self,
        *,
        embed: EMBED = hashed_embeddings,
        answer: ANSWER = hashed_answer,
        embedding_latency: float = 0.0,
        chat_latency: float = 0.0,
        token_latency: float = 0.0,
        sends_usage: bool = True,
        token: str | None = None,
    ) -> None:
        self.embed = embed
        self.answer = answer
        self.embedding_latency = embedding_latency
        self.chat_latency = chat_latency
        self.token_latency = token_latency
        """Seconds that each word takes."""
        self.sends_usage = sends_usage
        self.token = token
        self.paths: frozenset[str] = frozenset()
        """The only paths that exist; empty for all."""
        self.refused_parameters: frozenset[str] = frozenset()
        """Parameters that this host answers with 400."""
        self.calls: list[Call] = []
        self.failing: dict[str, Fault] = {}
        """Faults of all calls, by the end of the path."""
        self._faults: deque[tuple[str, Fault]] = deque()

    def script(self, *faults: "Fault", path: str = "") -> None:
        """Let the next calls to paths that end with `path` fail with these faults, in order."""
        self._faults.extend((path, fault) for fault in faults)

    def reset(self) -> None:
        """Remove recorded calls, faults, latencies and limits."""
        self.calls.clear()
        self._faults.clear()
        self.failing.clear()
        self.paths = self.refused_parameters = frozenset()
        self.embedding_latency = self.chat_latency = self.token_latency = 0.0

    def count(self, path: str) -> int:
        """Return the number of calls to paths that end with `path`."""
        return sum(call.path.endswith(path) for call in self.calls)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        content = await request.body()
        body = json.loads(content) if content else None
        port = request.client.port if request.client else None
        self.calls.append(Call(request.url.path, dict(request.headers), body, port))
        permanent = (fault for end, fault in self.failing.items() if request.url.path.endswith(end))
        if self._faults and request.url.path.endswith(self._faults[0][0]):
            fault: Fault | None = self._faults.popleft()[1]
        else:
            fault = next(permanent, None)
        respond = fault or await self._reply(request, body)
        await respond(scope, receive, send)

    async def _reply(self, request: Request, body: Any) -> Response:
        path = request.url.path
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return JSONResponse({"error": "Invalid username or password."}, 401)
        if not path.endswith(_PATHS) or (self.paths and path not in self.paths):
            return JSONResponse({"error": "Not Found"}, 404)
        if path == "/v1/models":
            return JSONResponse({"object": "list", "data": [{"id": "fake", "object": "model"}]})
        for name in sorted(self.refused_parameters & (body or {}).keys()):
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            error = {"message": message, "type": "invalid_request_error", "param": name}
            return JSONResponse({"error": error}, 400)
        if path.endswith("/v1/chat/completions"):
            return await self._complete(body)
        await asyncio.sleep(self.embedding_latency)
        return JSONResponse(self._embeddings(path, body))

    async def _complete(self, body: dict[str, Any]) -> Response:
        await asyncio.sleep(self.chat_latency)
        completion = self._completion(body)
        if not body.get("stream"):
            text = completion["choices"][0]["message"]["content"]
            await asyncio.sleep(self.token_latency * len(text.split()))
            return JSONResponse(completion)
        return StreamingResponse(self._events(body, completion), media_type="text/event-stream")

    async def _events(self, body: dict[str, Any], completion: Any) -> AsyncIterator[str]:
        """Yield the events of a stream: a word in each."""
        chunk = {**completion, "object": "chat.completion.chunk"}
        usage = chunk.pop("usage", None)
        message = chunk["choices"][0]["message"]
        for word in re.findall(r"\s*\S+|\s+\Z", message["content"]):
            chunk["choices"] = [{"index": 0, "delta": {"content": word}, "finish_reason": None}]
            yield f"data: {json.dumps(chunk)}\n\n"
            await asyncio.sleep(self.token_latency)
        chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
        yield f"data: {json.dumps(chunk)}\n\n"
        if usage and body.get("stream_options", {}).get("include_usage"):
            yield f"data: {json.dumps({**chunk, 'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"

    def _embeddings(self, path: str, body: dict[str, Any]) -> Any:
        inputs = body["input" if path.endswith(("/v1/embeddings", "/api/embed")) else "inputs"]
        texts = [inputs] if isinstance(inputs, str) else inputs
        rows = [[float(component) for component in row] for row in self.embed(texts)]
        rows = [row[: body.get("dimensions", len(row))] for row in rows]
        if path.endswith("/v1/embeddings"):
            return _openai_embeddings(rows, body)
        if path.endswith("/api/embed"):
            return {"model": body["model"], "embeddings": rows}
        alone = isinstance(inputs, str) and path.endswith("/pipeline/feature-extraction")
        return rows[0] if alone else rows

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        text = self.answer(body["messages"])
        message = {"role": "assistant", "content": text}
        completion = {
            "id": "chatcmpl-0",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
        if self.sends_usage:
            prompt = sum(len(each["content"].split()) for each in body["messages"])
            written = len(text.split())
            completion["usage"] = {
                "prompt_tokens": prompt,
                "completion_tokens": written,
                "total_tokens": prompt + written,
            }
        return completion


def _openai_embeddings(rows: Sequence[Sequence[float]], body: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAI's reply, with the items in reverse order: clients must use the index."""
    data: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        embedding: Any = row
        if body.get("encoding_format") == "base64":
            embedding = base64.b64encode(np.array(row, "<f4").tobytes()).decode()
        data.insert(0, {"object": "embedding", "index": index, "embedding": embedding})
    usage = {"prompt_tokens": len(rows), "total_tokens": len(rows)}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


class _Server(uvicorn.Server):
    """A server that stops within 10 ms instead of uvicorn's 100 ms: hundreds of tests start one."""

    async def main_loop(self) -> None:
        ticks = count()
        while not await self.on_tick(next(ticks)):  # noqa: ASYNC110  # another thread stops it
            await asyncio.sleep(0.01)


@contextmanager
def serving(app: "ASGIApp", **options: Any) -> Iterator[str]:
    """Serve `app` on a free loopback port, in a thread; yields `http://127.0.0.1:PORT`.

    `options` are uvicorn's. Calls in progress are aborted at the end. With a certificate among the
    options the URL begins with `https://localhost`.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    # As asyncio does with its own sockets: Nagle's algorithm would delay bodies by 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = listener.getsockname()[1]
    # A busy client must not find its idle connection closed.
    config = uvicorn.Config(
        app, lifespan="off", log_level="critical", timeout_keep_alive=300, **options
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server ended before it started")
            time.sleep(0.005)
        yield f"https://localhost:{port}" if config.is_ssl else f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listener.close()
