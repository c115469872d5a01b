"""Handlers under fire, and what must hold of whatever they answer."""

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
from functions.http.problems import PROBLEM_MEDIA_TYPE as MEDIA_TYPE
from functions.http.problems import Problem
from functions.invalidate.handler import QueueHandler
from infra.local.commands.serve import build_local_app
from infra.local.valkey import start_valkey
from shared.container import Container
from shared.errors import InvalidChangeError, InvalidRequestError
from shared.notes.messages.note_changed import parse_change
from shared.notes.note import Note
from shared.vectors import Vector, canonical
from tests.support.asking import write_notes
from tests.support.fakes import SlowAnswerer
from tests.support.queues import Context, batch, body, close, failed
from tests.support.stores import MemoryNoteStore
from tests.support.tokens import Issuer, issuing

CONTEXT: Any = SimpleNamespace(aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef")
UNAVAILABLE = 503
STANDSTILL = 0.9
"""Seconds, after which whoever asks Redis may take it for slow; it takes a few milliseconds."""

_GOOD = body("ann", "note", "updated", 1, "Faith is trust.")
_COUNTED = (b":counters:", b":entries", b"totals:", b":lock:")


class NearEmbedder:
    """Puts all texts close together, so that every question meets what judges other wordings."""

    model = "near"
    dimensions = 8

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [
            canonical(np.ones(8) + np.random.default_rng([*text.encode()]).normal(size=8) / 9)
            for text in texts
        ]


class WatchedStore(MemoryNoteStore):
    """Counts what is written."""

    writes = 0

    async def replace_note(self, note: Note, chunks: Any) -> bool:
        self.writes += 1
        return await super().replace_note(note, chunks)

    async def delete_note(self, *given: Any, **named: Any) -> bool:
        self.writes += 1
        return await super().delete_note(*given, **named)

    async def delete_user(self, *given: Any, **named: Any) -> None:
        self.writes += 1
        await super().delete_user(*given, **named)


class Targets:
    """All functions, each behind its own door, over one Valkey and quick models."""

    def __init__(self, url: str, issuer: Issuer, loop: asyncio.AbstractEventLoop) -> None:
        self.settings = issuer.settings(redis_url=url, embedding_dimensions=8, redis_timeout=5)
        self.store = WatchedStore()
        self.container = self._container()
        self.gateway = GatewayHandler(self._watched)
        self._app = build_local_app(self.container)
        self._escaped: list[Exception] = []
        self.queue = QueueHandler(self._container)
        self.redis = redis.Redis.from_url(url)
        self._loop = loop
        loop.run_until_complete(write_notes(self.container, "ann"))
        self._kept = self._stored()

    async def _watched(self, scope: Any, receive: Any, send: Any) -> None:
        """Note what the app raises: once a response is out, Mangum sends it all the same."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self._escaped.append(error)
            raise

    def _container(self) -> Container:
        parts: Any = {"embedder": NearEmbedder(), "answerer": SlowAnswerer(), "store": self.store}
        return Container(self.settings, **parts)

    def close(self) -> None:
        self._loop.run_until_complete(self.container.aclose())
        if self.queue._warm:
            close(self.queue)
        self.redis.close()

    def send(self, event: Any) -> None:
        """Send an event to the gateway's handler, and look at all that it answers."""
        if not (isinstance(event, dict) and "requestContext" in event):
            self._refuse(event)
            return
        began = time.monotonic()
        response = self.gateway(event, CONTEXT)
        if response["statusCode"] == UNAVAILABLE and time.monotonic() - began > STANDSTILL:
            response = self.gateway(event, CONTEXT)  # the machine had stood still
        json.dumps(response)  # Lambda could not send it otherwise
        status: int = response["statusCode"]
        assert status < 500, response["body"]
        escaped, self._escaped = self._escaped, []
        assert not escaped
        if status >= 400:
            self._look_at(response, status)
        else:
            self.begin_again()

    def _refuse(self, event: Any) -> None:
        """Send what is of no gateway: it is not acknowledged, and the error quotes nothing."""
        with pytest.raises(InvalidRequestError, match="HTTP events") as refusal:
            self.gateway(event, CONTEXT)
        assert refusal.value.__suppress_context__

    def deliver(self, texts: Sequence[str]) -> None:
        """Send a queue's batch: what can never be applied fails, and nothing else does."""
        response = self.queue(batch(*texts), Context())  # type: ignore[arg-type]  # a part of it
        expected = {str(place) for place, text in enumerate(texts) if not _is_change(text)}
        assert set(failed(response)) == expected
        self.begin_again()

    def deliver_damaged(self, event: Any) -> None:
        """Send a batch that no queue made: nothing is acknowledged that was not applied.

        What has no id cannot fail alone, so the whole batch may come again, by an error. The
        function goes on either way.
        """
        try:
            response = self.queue(event, Context())  # type: ignore[arg-type]  # a part of it
        except Exception:
            self.deliver([_GOOD])
            return
        written = json.dumps(response)  # whose NaN, as a message's id may be one, equals none
        assert json.dumps(json.loads(written)) == written
        failures = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        records: Any = event["Records"]
        wrong = [each["messageId"] for each in records if not _is_change(each.get("body"))]
        assert failures == wrong, f"{failures} failed, and {wrong} should have"
        self.begin_again()

    def _look_at(self, response: dict[str, Any], status: int) -> None:
        # A load balancer that sends values in lists takes no others.
        headers = response.get("headers") or response["multiValueHeaders"]
        assert headers["content-type"] in (MEDIA_TYPE, [MEDIA_TYPE])
        problem = TypeAdapter(Problem).validate_json(response["body"])
        assert problem.status == status
        for trace in ("Traceback", 'File "', "object at 0x"):
            assert trace not in problem.detail
        assert self._stored() == self._kept, "a request that was refused left something"

    def begin_again(self) -> None:
        """Forget all that is cached, so that looking at all that is stored stays quick.

        What is counted stays: else each reading of statistics would sum up every day again.
        """
        if cached := self._stored()[1]:
            self.redis.delete(*cached)
        self._kept = self._stored()

    def _stored(self) -> tuple[int, dict[Any, Any]]:
        keys = [key for key in self.redis.scan_iter(count=1_000) if not _is_counted(key)]
        return self.store.writes, {key: self.redis.dump(key) for key in keys}


def _is_counted(key: Any) -> bool:
    return any(name in key for name in _COUNTED)


def _is_change(text: Any) -> bool:
    try:
        parse_change(text)
    except InvalidChangeError:
        return False
    return True


@contextmanager
def targets() -> Iterator[Targets]:
    """All of it on a loop of its own, as Mangum expects one."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with start_valkey() as valkey, issuing() as issuer:
        made = Targets(valkey.url, issuer, loop)
        try:
            yield made
        finally:
            made.close()
            asyncio.set_event_loop(None)
            loop.close()
