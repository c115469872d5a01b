"""Sends generated host replies through the whole ask path, over a real socket and a real Valkey.

Each reply answers one question. The question is asked again with a host that refuses all requests:
then only a stored answer is returned.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from functions.ask.app import create_app
from infra.local.valkey import start_valkey
from shared.container import Container
from shared.inference.http_client import InferenceClient, Retries
from shared.settings import Settings
from tests.support.full_stack import updated
from tests.support.host_replies.generator import REASONING_MARK, GeneratedReply, generate_reply
from tests.support.http_faults import refuse
from tests.support.huggingface import FakeHuggingFace, serving
from tests.support.memory_note_store import MemoryNoteStore

_CHAT = "/chat/completions"
_QUESTIONS_PER_USER = 50


@dataclass
class Verdicts:
    """What was wrong, by kind; `outcomes` counts what was expected."""

    stored_wrongly: list[str] = field(default_factory=list)
    shown_wrongly: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass
class _Stack:
    host: FakeHuggingFace
    container: Container
    http: httpx.AsyncClient

    async def ask(self, user: str, query: str) -> tuple[str | None, bool, str]:
        """Return the answer, whether it is marked as incomplete, and the whole response."""
        response = await self.http.post(
            "/assistant/query",
            json={"query": query, "match": "exact"},
            headers={"X-Tercet-User": user},
        )
        if response.status_code != httpx.codes.OK:
            return None, False, response.text
        body: dict[str, Any] = response.json()
        return body["answer"], body["metadata"]["incomplete"], response.text


async def replay(seed: int, count: int) -> Verdicts:
    """Send this number of replies and judge each."""
    chance, verdicts = random.Random(seed), Verdicts()
    async with _open_stack() as stack:
        for number in range(count):
            user = f"user{number // _QUESTIONS_PER_USER}"
            if number % _QUESTIONS_PER_USER == 0:
                await stack.container.freshness.note_changed(updated(user, "n", "Faith is trust."))
            reply = generate_reply(chance)
            stack.host.calls.clear()
            await _judge(stack, user, f"What is faith, number {number}?", reply, verdicts)
    return verdicts


async def _judge(
    stack: _Stack, user: str, query: str, reply: GeneratedReply, verdicts: Verdicts
) -> None:
    stack.host.failing[_CHAT] = reply.to_response()
    shown, is_marked, response = await stack.ask(user, query)
    stack.host.failing[_CHAT] = refuse(401)
    stored, _, _ = await stack.ask(user, query)
    expected = None if reply.incomplete else reply.answer
    described = f"{reply!r}\n  shown {shown!r} {is_marked}, stored {stored!r}"
    if stored is not None and stored != expected:
        verdicts.stored_wrongly.append(described)
    is_wrong = shown is not None and (shown, is_marked) != (reply.answer, reply.incomplete)
    if is_wrong or REASONING_MARK in response:
        verdicts.shown_wrongly.append(described)
    if (shown, stored) != (reply.answer, expected):
        verdicts.lost.append(described)
    kind = "incomplete" if reply.incomplete else "complete"
    verdicts.outcomes[kind if reply.answer else "no answer"] += 1


@asynccontextmanager
async def _open_stack() -> AsyncIterator[_Stack]:
    async def no_wait(_: float) -> None:
        return None

    host = FakeHuggingFace()
    with start_valkey() as valkey, serving(host) as url:
        settings = Settings(
            redis_url=valkey.url,
            redis_timeout=5,
            embedding_url=f"{url}/embed",
            chat_url=f"{url}/v1/chat/completions",
            inference_timeout=900,
            breaker_min_calls=10**9,  # half of the replies are failures
            local_mode=True,
        )
        container = Container(settings, store=MemoryNoteStore())
        retries = Retries(sleep=no_wait, random=lambda: 0.0)
        container.override(inference_client=InferenceClient(settings, retries=retries))
        transport = httpx.ASGITransport(create_app(container))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            yield _Stack(host, container, http)
        await container.aclose()
