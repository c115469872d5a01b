"""Lookups of host names that hang."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from shared.dns import share_lookups
from shared.errors import InferenceError
from shared.inference.chat import HuggingFaceChat
from shared.inference.http_client import InferenceClient
from shared.inference.ports import ChatMessage
from shared.notes.postgres.store import PostgresNoteStore
from shared.settings import Settings
from tests.support.fakes import create_container
from tests.support.full_stack import ask
from tests.support.note_backends import PROFILE

HANGING = "hanging.example"
CONNECTIONS = 40  # more than the threads of asyncio's default pool


class NameServer:
    """Lookups of `HANGING` end when `released` is set, with the address of this machine."""

    def __init__(self) -> None:
        self.lookups: Counter[str] = Counter()
        self.released = threading.Event()
        self._look_up = socket.getaddrinfo

    def getaddrinfo(self, host: Any, *options: Any, **named: Any) -> Any:
        host = host.decode() if isinstance(host, bytes) else host
        self.lookups[host] += 1
        if host == HANGING:
            self.released.wait(60)
            host = "127.0.0.1"
        return self._look_up(host, *options, **named)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    names = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.released.set()


async def pool_is_free() -> bool:
    """Whether asyncio's default thread pool still runs something."""
    async with asyncio.timeout(30):
        return await asyncio.to_thread(lambda: True)


async def test_model_calls_share_a_lookup_that_hangs(names: NameServer) -> None:
    url = f"http://{HANGING}:9"
    settings = Settings(hf_token="t", chat_url=url, embedding_url=url, inference_timeout=0.3)
    client = InferenceClient(settings)
    chat = HuggingFaceChat(client, settings)
    calls = (chat.complete([ChatMessage("user", "Why?")], max_tokens=9) for _ in range(CONNECTIONS))
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, InferenceError) for error in errors)
    assert await pool_is_free()
    names.released.set()
    assert names.lookups[HANGING] == 1
    await client.aclose()


async def test_connections_to_redis_share_a_lookup_that_hangs(names: NameServer) -> None:
    container = create_container(f"redis://{HANGING}:9/0")
    replies = await asyncio.gather(
        *(ask(container, "ann", f"Why {n}?") for n in range(CONNECTIONS))
    )
    assert {reply.cache for reply in replies} == {"unavailable"}
    assert await pool_is_free()
    names.released.set()
    assert names.lookups[HANGING] == 1
    await container.aclose()


async def test_connections_to_postgres_share_a_lookup_that_hangs(names: NameServer) -> None:
    url = f"postgresql://a:b@{HANGING}:9/notes"
    store = PostgresNoteStore(url, PROFILE, connect_timeout=0.2)
    await asyncio.gather(*(store.ping() for _ in range(CONNECTIONS)), return_exceptions=True)
    assert await pool_is_free()
    names.released.set()
    assert names.lookups[HANGING] == 1
    await store.aclose()


async def test_a_lookup_is_shared_only_while_it_runs(names: NameServer) -> None:
    share_lookups()
    share_lookups()
    names.released.set()
    loop = asyncio.get_running_loop()
    for count in (1, 2):
        found = await asyncio.gather(*(loop.getaddrinfo(HANGING, 9) for _ in range(3)))
        assert found[0] == found[1] == found[2]
        assert names.lookups[HANGING] == count
    await loop.getaddrinfo("127.0.0.1", 10)
    assert names.lookups["127.0.0.1"] == 1


async def test_an_error_of_a_lookup_is_raised_by_all_that_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    share_lookups()
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    loop = asyncio.get_running_loop()
    lookups = (loop.getaddrinfo("unknown.example", 9) for _ in range(3))
    errors = await asyncio.gather(*lookups, return_exceptions=True)
    assert [type(error) for error in errors] == [socket.gaierror] * 3
