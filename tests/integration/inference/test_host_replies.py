"""Each reply of the table in docs/hosts.md, through the whole pipeline and over a real socket."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from shared.container import Container
from shared.errors import InferenceError
from shared.inference.http_client import InferenceClient, Retries
from shared.settings import Settings
from shared.vectors import canonical
from tests.integration.inference.conftest import open_transport
from tests.support.full_stack import ask, updated
from tests.support.host_replies import HOST_REPLIES
from tests.support.host_replies.embeddings import DIMENSIONS, TEXTS, VECTORS
from tests.support.host_replies.host_reply import ANSWER, HostReply
from tests.support.huggingface import FakeHuggingFace
from tests.support.memory_note_store import MemoryNoteStore

_WAIT = re.compile(r"after ([\d.]+) s")
CHAT = "/chat/completions"
QUESTION = "What is faith?"


@dataclass
class Client:
    """Tercet with this host's models; `waits` are the seconds before each retry."""

    container: Container
    waits: list[float] = field(default_factory=list)

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
async def client(
    host: FakeHuggingFace, settings: Settings, valkey_url: str
) -> AsyncIterator[Client]:
    settings = replace(
        settings,
        redis_url=valkey_url,
        redis_timeout=5.0,
        embedding_dimensions=DIMENSIONS,
        inference_timeout=900.0,
        extractive_fallback=False,
        breaker_min_calls=1_000,  # the rows share Redis
    )
    client = Client(Container(settings, store=MemoryNoteStore()))
    retries = Retries(sleep=client.wait, random=lambda: 0.0)
    inference_client = InferenceClient(settings, retries=retries, transport=open_transport())
    client.container.override(inference_client=inference_client)
    yield client
    await client.container.aclose()


@pytest.mark.parametrize(
    "reply", [each for each in HOST_REPLIES if each.endpoint == "chat"], ids=str
)
async def test_chat_reply_has_the_documented_outcome(
    host: FakeHuggingFace, client: Client, reply: HostReply, request: pytest.FixtureRequest
) -> None:
    container, user = client.container, request.node.name  # the rows share Redis
    host.embed = lambda texts: [VECTORS[0] for _ in texts]
    await container.freshness.note_changed(updated(user, "n", "Faith is trust."))
    host.script(reply.to_response(), path=CHAT)
    kind, _, message = reply.outcome.partition(": ")
    if kind == "error":
        with pytest.raises(InferenceError) as caught:
            await ask(container, user, QUESTION)
        assert message in str(caught.value)
        assert host.count(CHAT) == 1
        assert (await ask(container, user, QUESTION)).tier == "l3", "something was cached"
        return
    answered = await ask(container, user, QUESTION)
    assert answered.answer
    if kind.startswith("answered"):
        assert answered.answer.text == ANSWER
        assert answered.answer.incomplete == (kind != "answered")
        assert host.count(CHAT) == 1
        again = await ask(container, user, QUESTION)
        assert (again.tier == "l1") == (kind == "answered")
    else:
        check_retry(host.count(CHAT), client, reply)


@pytest.mark.parametrize(
    "reply", [each for each in HOST_REPLIES if each.endpoint == "embeddings"], ids=str
)
async def test_embeddings_reply_has_the_documented_outcome(
    host: FakeHuggingFace, client: Client, reply: HostReply
) -> None:
    host.embed = lambda _: VECTORS
    host.script(reply.to_response())
    kind, _, message = reply.outcome.partition(": ")
    if kind == "error":
        with pytest.raises(InferenceError) as caught:
            await client.container.embedder.embed(TEXTS)
        assert message in str(caught.value)
        assert len(host.calls) == 1
        return
    vectors = await client.container.embedder.embed(TEXTS)
    assert np.array_equal(vectors, [canonical(row) for row in VECTORS])
    if kind == "embedded":
        assert len(host.calls) == 1
    else:
        check_retry(len(host.calls), client, reply)


def check_retry(calls: int, client: Client, reply: HostReply) -> None:
    assert reply.outcome.startswith("retried"), "an unknown kind of outcome"
    wait = _WAIT.search(reply.outcome)
    assert client.waits == [pytest.approx(float(wait[1]) if wait else 0.0)]
    assert calls == 2
