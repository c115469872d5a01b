"""The Lambda handlers as targets of hostile inputs, and the properties of their responses."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import redis
from pydantic import TypeAdapter

from functions.http.gateway import GatewayHandler
from functions.http.problems import PROBLEM_MEDIA_TYPE, Problem
from functions.invalidate.handler import QueueHandler
from infra.local.commands.serve import build_local_app
from infra.local.valkey import start_valkey
from shared.container import Container
from shared.errors import InvalidChangeError, InvalidRequestError
from shared.notes.messages.note_changed import parse_change
from shared.vectors import Vector, canonical
from tests.support.fakes import SlowAnswerer
from tests.support.local_environment import write_notes
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.queues import Context, batch, body, close, failed
from tests.support.tokens import Issuer, issuing

CONTEXT: Any = SimpleNamespace(aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef")
QUEUE_CONTEXT: Any = Context()
UNAVAILABLE = 503
STALL_SECONDS = 0.9
"""A slower 503 is repeated: the machine, not the app, may have been stalled."""

_VALID_MESSAGE = body("ann", "note", "updated", 1, "Faith is trust.")
_COUNTER_KEYS = (b":counters:", b":entries", b":lock:")


class SimilarEmbedder:
    """Embeds all texts close to each other, so that every question has a semantic candidate."""

    model = "similar"
    dimensions = 8

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [
            canonical(np.ones(8) + np.random.default_rng([*text.encode()]).normal(size=8) / 9)
            for text in texts
        ]


class CountingStore(MemoryNoteStore):
    """Counts its writes."""

    writes = 0

    async def replace_note(self, *args: Any, **kwargs: Any) -> bool:
        self.writes += 1
        return await super().replace_note(*args, **kwargs)

    async def delete_note(self, *args: Any, **kwargs: Any) -> bool:
        self.writes += 1
        return await super().delete_note(*args, **kwargs)

    async def delete_user(self, *args: Any, **kwargs: Any) -> bool:
        self.writes += 1
        return await super().delete_user(*args, **kwargs)


class Handlers:
    """The gateway handler of the complete app and the queue handler, over one Valkey."""

    def __init__(self, url: str, issuer: Issuer, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = issuer.settings(
            redis_url=url, embedding_dimensions=8, redis_timeout=5, notes_api=True
        )
        self.store = CountingStore()
        self.container = self._container()
        self.gateway = GatewayHandler(self._recording_app)
        self.queue = QueueHandler(self._container)
        self._app = build_local_app(self.container)
        self._unhandled: list[Exception] = []
        self._redis = redis.Redis.from_url(url)
        self._loop = loop
        loop.run_until_complete(write_notes(self.container, "ann"))
        self._state = self._stored_state()

    def _container(self) -> Container:
        parts: Any = {
            "embedder": SimilarEmbedder(),
            "answerer": SlowAnswerer(),
            "store": self.store,
        }
        return Container(self.settings, **parts)

    async def _recording_app(self, scope: Any, receive: Any, send: Any) -> None:
        """Record what the app raises: Mangum ignores it after the response has started."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self._unhandled.append(error)
            raise

    def close(self) -> None:
        self._loop.run_until_complete(self.container.aclose())
        if self.queue._warm:
            close(self.queue)
        self._redis.close()

    def check_event(self, event: Any) -> None:
        """A gateway event gets no 5xx response; a refusal is a problem and stores nothing."""
        if not (isinstance(event, dict) and "requestContext" in event):
            with pytest.raises(InvalidRequestError, match="HTTP events") as refusal:
                self.gateway(event, CONTEXT)
            assert refusal.value.__suppress_context__, "the error quotes the event"
            return
        started = time.monotonic()
        response = self.gateway(event, CONTEXT)
        stalled = time.monotonic() - started > STALL_SECONDS
        if response["statusCode"] == UNAVAILABLE and stalled:
            response = self.gateway(event, CONTEXT)
        json.dumps(response)  # as Lambda sends it
        status: int = response["statusCode"]
        assert status < 500, response["body"]
        unhandled, self._unhandled = self._unhandled, []
        assert not unhandled
        if status >= 400:
            self._check_refusal(response, status)
        else:
            self.reset()

    def check_messages(self, texts: Sequence[str]) -> None:
        """Of a valid batch exactly the invalid messages fail."""
        response = self.queue(batch(*texts), QUEUE_CONTEXT)
        invalid = {str(place) for place, text in enumerate(texts) if not _is_change(text)}
        assert set(failed(response)) == invalid
        self.reset()

    def check_malformed_batch(self, event: Any) -> None:
        """Of a malformed batch no message is acknowledged that was not applied.

        A record without an id cannot fail alone, so the whole batch may fail with an exception.
        The handler must still process the next batch.
        """
        try:
            response = self.queue(event, QUEUE_CONTEXT)
        except Exception:
            self.check_messages([_VALID_MESSAGE])
            return
        text = json.dumps(response)  # an id may be NaN, which is not equal to itself
        assert json.dumps(json.loads(text)) == text
        failures = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        records: Any = event if isinstance(event, list) else event["Records"]  # a pipe's list
        invalid = [each["messageId"] for each in records if not _is_change(each.get("body"))]
        assert failures == invalid
        self.reset()

    def _check_refusal(self, response: dict[str, Any], status: int) -> None:
        # A load balancer with multi-value headers takes no others.
        headers = response.get("headers") or response["multiValueHeaders"]
        assert headers["content-type"] in (PROBLEM_MEDIA_TYPE, [PROBLEM_MEDIA_TYPE])
        problem = TypeAdapter(Problem).validate_json(response["body"])
        assert problem.status == status
        for leak in ("Traceback", 'File "', "object at 0x"):
            assert leak not in problem.detail
        assert self._stored_state() == self._state, "a refused request stored something"

    def reset(self) -> None:
        """Delete the cache's entries, so that the stored state stays small; keep the counters."""
        if entries := self._stored_state()[1]:
            self._redis.delete(*entries)
        self._state = self._stored_state()

    def _stored_state(self) -> tuple[int, dict[Any, Any]]:
        keys = [
            key
            for key in self._redis.scan_iter(count=1_000)
            if not any(name in key for name in _COUNTER_KEYS)
        ]
        return self.store.writes, {key: self._redis.dump(key) for key in keys}


def _is_change(text: Any) -> bool:
    try:
        parse_change(text)
    except InvalidChangeError:
        return False
    return True


@contextmanager
def running_handlers() -> Iterator[Handlers]:
    """Handlers on a new event loop, which Mangum expects to be the current one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with start_valkey() as valkey, issuing() as issuer:
        handlers = Handlers(valkey.url, issuer, loop)
        try:
            yield handlers
        finally:
            handlers.close()
            asyncio.set_event_loop(None)
            loop.close()
