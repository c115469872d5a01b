"""The stats app over a Valkey server, and requests to count."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence

import httpx
import pytest

from functions.stats.app import create_app
from infra.local.valkey import ValkeyProcess, start_valkey
from shared.container import Container
from shared.inference.ports import Completion
from shared.notes.note import Source
from shared.settings import Settings
from tests.support.full_stack import MINILM, ask, updated
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.servers import send_command

ANN = {"X-Tercet-User": "ann"}
STATS = "/assistant/cache-stats"
COST = 0.00026


class SlowAnswerer:
    """Answers with a known latency and cost."""

    model = "slow"

    async def answer(self, question: str, sources: Sequence[Source], **_: object) -> Completion:
        time.sleep(0.05)  # noqa: ASYNC251  # a known latency, on a busy machine too
        return Completion(f"{question} [1]", self.model, cost=COST)


@pytest.fixture(scope="module")
def counting_server() -> Iterator[ValkeyProcess]:
    with start_valkey() as server:
        yield server


@pytest.fixture
async def counted(counting_server: ValkeyProcess) -> AsyncIterator[Container]:
    """A container on an empty cache, in local mode."""
    send_command(counting_server.port, "FLUSHALL")
    made = of(Settings(redis_url=counting_server.url, redis_timeout=5, local_mode=True))
    yield made
    await made.aclose()


def of(settings: Settings) -> Container:
    return Container(
        settings,
        store=MemoryNoteStore(),
        embedder=MINILM,
        answerer=SlowAnswerer(),
    )


def client_of(container: Container, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(container))
    return httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers or ANN
    )


async def get(container: Container, path: str = STATS) -> httpx.Response:
    async with client_of(container) as client:
        return await client.get(path)


async def use(container: Container) -> None:
    """Write notes of two users; send two questions, one repeated, one reworded, one of both."""
    for user in ("ann", "bob"):
        text = f"Faith is trust in the unseen, edition {time.time_ns()}."
        await container.freshness.note_changed(updated(user, "a", text))
    for user, question in (
        ("ann", "What is hope?"),
        ("ann", "What is love?"),
        ("ann", "what is HOPE"),
        ("ann", "Define hope"),
        ("bob", "What is hope?"),
    ):
        await ask(container, user, question)
