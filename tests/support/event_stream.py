"""Clients of the event stream, and a model whose text a test writes."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from infra.local.valkey import start_valkey
from shared.container import Container
from shared.inference.ports import Completion, OnText
from shared.notes.note import Source
from shared.settings import Settings
from tests.support.fakes import DIMENSIONS, HashingEmbedder
from tests.support.huggingface import FakeHuggingFace, serving
from tests.support.memory_note_store import MemoryNoteStore

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

    from shared.errors import InferenceError


def parse_events(body: bytes) -> list[tuple[str, Any]]:
    """Return the complete events of a stream: name and decoded JSON. Comments are skipped."""
    events = []
    for block in body.decode().split("\n\n")[:-1]:
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        fields = [re.fullmatch("(event|data): (.*)", line) for line in lines]
        values = {each[1]: each[2] for each in fields if each}
        if values:
            events.append((values["event"], json.loads(values["data"])))
    return events


class EventClient:
    """A client of an ASGI app that reads an answer as events, until it leaves."""

    def __init__(self, app: "ASGIApp", query: str, **headers: str) -> None:
        """Send the question."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_complete = False
        self.reads = asyncio.Event()
        """A client that does not read blocks its own connection only."""
        self.reads.set()
        self._has_left = asyncio.Event()
        self._request: Message | None = {
            "type": "http.request",
            "body": json.dumps({"query": query}).encode(),
        }
        given = {"accept": "text/event-stream", "content-type": "application/json"}
        given |= {"x-tercet-user": "ann", "host": "127.0.0.1"} | headers
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/assistant/query",
            "raw_path": b"/assistant/query",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        self.request = asyncio.ensure_future(app(scope, self._receive, self._send))

    @property
    def events(self) -> list[tuple[str, Any]]:
        return parse_events(self.body)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    @property
    def text(self) -> str:
        """The deltas together."""
        return "".join(data["text"] for name, data in self.events if name == "delta")

    @property
    def done(self) -> Any:
        """The body of the last event, which must be `done`, and its answer the deltas."""
        name, body = self.events[-1]
        assert name == "done", self.events[-1]
        assert body["answer"] == self.text
        return body

    def leave(self) -> None:
        """Disconnect."""
        self._has_left.set()

    async def _receive(self) -> "Message":
        if self._request:
            request, self._request = self._request, None
            return request
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: "Message") -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message["body"]
            self.is_complete = not message.get("more_body", False)


@contextmanager
def container_before(host: FakeHuggingFace, **settings: Any) -> Iterator[Container]:
    """Yield a container in local mode whose language model is `host`, with a Valkey of its own."""
    with start_valkey() as valkey, serving(host) as url:
        common: dict[str, Any] = {
            "redis_url": valkey.url,
            "redis_timeout": 5,
            "embedding_dimensions": DIMENSIONS,
            "chat_url": f"{url}/v1/chat/completions",
            "local_mode": True,
        }
        chosen = Settings(**(common | settings))
        yield Container(chosen, store=MemoryNoteStore(), embedder=HashingEmbedder())


class WrittenAnswerer:
    """An `Answerer` whose answers a test writes, part by part."""

    model = "written"

    def __init__(self) -> None:
        self.begun = self.cancelled = 0
        self.failing_with: InferenceError | None = None
        self._parts: asyncio.Queue[str | None] = asyncio.Queue()

    def write(self, *parts: str) -> None:
        for part in parts:
            self._parts.put_nowait(part)

    def end(self) -> None:
        self._parts.put_nowait(None)

    async def answer(
        self,
        question: str,
        sources: Sequence[Source],
        *,
        on_text: OnText | None = None,
        **_: object,
    ) -> Completion:
        self.begun += 1
        text = ""
        try:
            while (part := await self._parts.get()) is not None:
                text += part
                if on_text:
                    on_text(part)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failing_with:
            raise self.failing_with
        return Completion(text, self.model, cost=0.001)
