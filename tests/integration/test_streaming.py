"""Answers as server-sent events: what a client gets, and what becomes of its disconnect."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from functions.ask.app import create_app
from functions.http import server_sent_events
from functions.http.gateway import GatewayHandler
from shared.container import Container
from shared.errors import InferenceError, InferenceUnavailableError, UnusableCompletionError
from shared.reply import NO_NOTES
from tests.support.event_stream import EventClient, WrittenAnswerer, parse_events
from tests.support.fakes import create_container
from tests.support.full_stack import updated
from tests.support.huggingface import serving
from tests.support.memory_note_store import MemoryNoteStore
from tests.support.waiting import until

QUERY = "What is faith?"


@dataclass
class World:
    """A served container, its model, and its user."""

    container: Container
    model: WrittenAnswerer
    user: str
    store: MemoryNoteStore

    def __post_init__(self) -> None:
        self.app = create_app(self.container)

    def ask(self, query: str = QUERY, **headers: str) -> EventClient:
        return EventClient(self.app, query, **{"x-tercet-user": self.user} | headers)

    async def ask_whole(self, query: str = QUERY, **headers: str) -> httpx.Response:
        """Ask without streaming."""
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1"
        ) as client:
            named = {"X-Tercet-User": self.user} | headers
            return await client.post("/assistant/query", json={"query": query}, headers=named)

    async def begun(self, *clients: EventClient, text: str) -> None:
        """Wait until each client has this text."""
        await until(lambda: all(client.text == text for client in clients))


@pytest.fixture
async def world(valkey_url: str, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    model, store = WrittenAnswerer(), MemoryNoteStore()
    container = create_container(
        valkey_url,
        store,
        answerer=model,
        local_mode=True,
        redis_timeout=5,
        semantic_matcher="off",
        extractive_fallback=False,
    )
    user = request.node.name
    await container.freshness.note_changed(updated(user, "faith", "Faith is trust."))
    yield World(container, model, user, store)
    await container.aclose()


async def test_text_arrives_while_it_is_written_and_done_has_the_whole_response(
    world: World,
) -> None:
    client = world.ask()
    world.model.write("Faith ", "is")
    await world.begun(client, text="Faith is")
    assert not client.request.done()
    world.model.write(" trust.\r\n\u2028Yes.")
    world.model.end()
    await client.request
    assert (client.names[0], client.names[-1]) == ("metadata", "done")
    metadata = client.events[0][1]
    assert (metadata["tier"], metadata["match"]) == (None, None)
    assert [source["content"] for source in metadata["sources"]] == ["Faith is trust."]
    assert client.done["metadata"]["tier"] is None
    assert client.text == "Faith is trust.\r\n\u2028Yes."
    assert client.headers["content-type"] == "text/event-stream"
    assert "no-store" in client.headers["cache-control"]
    assert client.headers["x-accel-buffering"] == "no"
    assert client.headers["x-correlation-id"]
    assert client.headers["cache-status"] == "Tercet; fwd=miss"
    whole = (await world.ask_whole()).json()
    assert {**whole, "metadata": None} == {**client.done, "metadata": None}


async def test_hit_is_sent_at_once(world: World) -> None:
    world.model.write("Faith is trust.")
    world.model.end()
    await world.ask_whole()
    client = world.ask()
    await client.request
    assert client.names == ["metadata", "delta", "done"]
    assert client.events[0][1]["tier"] == "l1"
    assert client.done["metadata"]["match"] == "exact"
    assert client.headers["cache-status"].startswith("Tercet; hit; ttl=")


async def test_user_without_notes_gets_the_reply_as_one_delta(world: World) -> None:
    client = world.ask(**{"x-tercet-user": "nobody"})
    await client.request
    assert client.text == client.done["answer"] == NO_NOTES


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("application/json, Text/Event-Stream;q=0.9", True),
        ("application/json", False),
        ("*/*", False),
        ("text/event-stream;q=0, application/json", False),
    ],
)
async def test_accept_decides(world: World, accept: str, streams: bool) -> None:  # noqa: FBT001
    world.model.write("Faith is trust.")
    world.model.end()
    response = await world.ask_whole(Accept=accept)
    is_stream = response.headers["content-type"] == "text/event-stream"
    assert (response.status_code, is_stream) == (200, streams)


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [("?!", {}, 422), (QUERY, {"x-tercet-user": ""}, 401), (QUERY, {"content-type": "a/b"}, 415)],
)
async def test_error_before_the_text_is_an_ordinary_response(
    world: World, query: str, headers: dict[str, str], status: int
) -> None:
    client = world.ask(query, **headers)
    await client.request
    assert client.status == status
    assert client.headers["content-type"] == "application/problem+json"
    assert json.loads(client.body)["status"] == status


async def test_model_that_fails_before_the_text_gets_an_ordinary_response(world: World) -> None:
    world.model.failing_with = InferenceUnavailableError("loading", retry_after=7)
    world.model.end()
    client = world.ask()
    await client.request
    assert (client.status, client.headers["retry-after"]) == (503, "7")


@pytest.mark.parametrize(
    ("error", "status"),
    [(UnusableCompletionError("filtered"), 502), (InferenceError("cut", retry_after=3), 502)],
)
async def test_failure_after_the_first_text_is_an_event_and_nothing_is_stored(
    world: World, error: InferenceError, status: int
) -> None:
    client = world.ask()
    world.model.write("Faith is")
    await world.begun(client, text="Faith is")
    world.model.failing_with = error
    world.model.end()
    await client.request
    name, problem = client.events[-1]
    assert name == "error"
    assert (problem["status"], problem["discard"]) == (status, True)
    assert problem["retry_after"] == error.retry_after
    assert (client.status, client.is_complete) == (200, True)
    world.model.failing_with = None
    world.model.write("Faith is trust.")
    world.model.end()
    assert (await world.ask_whole()).json()["metadata"]["tier"] == "l3"


async def test_comments_keep_the_connection_and_a_later_error_is_an_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_sent_events, "PING_SECONDS", 0.02)
    client = world.ask()
    await until(lambda: client.body.count(b": ping\n\n") > 1)
    assert (client.status, client.events) == (200, [])
    world.model.failing_with = InferenceUnavailableError("loading")
    world.model.end()
    await client.request
    assert client.names == ["error"]


@pytest.mark.logs_exceptions
async def test_unhandled_exception_after_the_first_text_is_an_event(world: World) -> None:
    client = world.ask()
    world.model.write("Faith is")
    await world.begun(client, text="Faith is")
    world.model.failing_with = ZeroDivisionError("secret")  # type: ignore[assignment]  # a bug
    world.model.end()
    await client.request
    name, problem = client.events[-1]
    assert (name, problem["status"]) == ("error", 500)
    assert b"secret" not in client.body


async def test_client_that_disconnects_alone_cancels_the_generation(world: World) -> None:
    client = world.ask()
    world.model.write("Faith is")
    await world.begun(client, text="Faith is")
    client.leave()
    await client.request
    assert world.model.cancelled == 1
    world.model.write("Faith is trust.")
    world.model.end()
    whole = (await world.ask_whole()).json()
    assert whole["answer"] == "Faith is trust."
    assert world.model.begun == 2


async def test_client_that_disconnects_before_the_text_cancels_the_generation(
    world: World,
) -> None:
    client = world.ask()
    await until(lambda: world.model.begun == 1)
    client.leave()
    await client.request
    assert (world.model.cancelled, client.status) == (1, 0)


async def test_late_follower_gets_the_text_so_far_and_survives_the_leaders_disconnect(
    world: World,
) -> None:
    leader = world.ask()
    world.model.write("Faith ")
    await world.begun(leader, text="Faith ")
    follower = world.ask("what is FAITH?")
    await world.begun(follower, text="Faith ")
    leader.leave()
    world.model.write("is trust.")
    await world.begun(follower, text="Faith is trust.")
    world.model.end()
    await asyncio.gather(leader.request, follower.request)
    assert leader.text == "Faith "
    metadata = follower.done["metadata"]
    assert (metadata["tier"], metadata["match"]) == ("l1", "exact")
    assert (world.model.begun, world.model.cancelled) == (1, 0)
    assert (await world.ask_whole()).json()["metadata"]["match"] == "exact"  # stored


async def test_generation_is_cancelled_when_the_last_follower_leaves(world: World) -> None:
    leader = world.ask()
    world.model.write("Faith ")
    await world.begun(leader, text="Faith ")
    follower = world.ask()
    await world.begun(follower, text="Faith ")
    leader.leave()
    await asyncio.sleep(0.05)
    assert world.model.cancelled == 0
    follower.leave()
    await asyncio.gather(leader.request, follower.request)
    assert world.model.cancelled == 1


async def test_follower_without_streaming_keeps_the_generation(world: World) -> None:
    leader = world.ask()
    world.model.write("Faith ")
    await world.begun(leader, text="Faith ")
    whole = asyncio.create_task(world.ask_whole())
    await asyncio.sleep(0.1)
    leader.leave()
    world.model.write("is trust.")
    world.model.end()
    response = (await whole).json()
    assert (response["answer"], world.model.begun) == ("Faith is trust.", 1)
    await leader.request


async def test_concurrent_clients_get_the_text_of_one_generation(world: World) -> None:
    clients = [world.ask(f"What is{' ' * number} faith?") for number in range(1, 6)]
    world.model.write("Faith ")
    await world.begun(*clients, text="Faith ")
    world.model.write("is trust.")
    world.model.end()
    await asyncio.gather(*(client.request for client in clients))
    assert {client.done["answer"] for client in clients} == {"Faith is trust."}
    assert world.model.begun == 1


async def test_client_that_does_not_read_delays_nobody(world: World) -> None:
    slow = world.ask()
    world.model.write("Faith ")
    await world.begun(slow, text="Faith ")
    slow.reads.clear()
    follower = world.ask()
    world.model.write(*(["is trust. "] * 50))
    await world.begun(follower, text="Faith " + "is trust. " * 50)
    world.model.end()
    await follower.request
    assert slow.text == "Faith "
    slow.reads.set()
    await slow.request
    assert slow.done["answer"] == follower.done["answer"]


async def test_follower_gets_the_leaders_failure_as_an_event(world: World) -> None:
    leader = world.ask()
    world.model.write("Faith ")
    await world.begun(leader, text="Faith ")
    follower = world.ask()
    await world.begun(follower, text="Faith ")
    world.model.failing_with = UnusableCompletionError("filtered")
    world.model.end()
    await asyncio.gather(leader.request, follower.request)
    for client in (leader, follower):
        assert (client.names[-1], client.events[-1][1]["discard"]) == ("error", True)


async def test_request_in_another_process_gets_the_whole_at_the_end(
    world: World, valkey_url: str
) -> None:
    other = World(
        create_container(
            valkey_url,
            store=world.store,
            answerer=WrittenAnswerer(),
            local_mode=True,
            redis_timeout=5,
            semantic_matcher="off",
        ),
        world.model,
        world.user,
        world.store,
    )
    leader = world.ask()
    world.model.write("Faith ")
    await world.begun(leader, text="Faith ")
    follower = other.ask()
    await asyncio.sleep(0.05)
    world.model.write("is trust.")
    world.model.end()
    await asyncio.gather(leader.request, follower.request)
    assert follower.names == ["metadata", "delta", "done"]
    assert follower.done["answer"] == leader.done["answer"] == "Faith is trust."
    await other.container.aclose()


async def test_note_change_during_the_generation_prevents_the_store(world: World) -> None:
    client = world.ask()
    world.model.write("Faith ")
    await world.begun(client, text="Faith ")
    await world.container.freshness.note_changed(updated(world.user, "faith", "Faith is sight."))
    late = world.ask()
    await until(lambda: world.model.begun == 2)  # it read another fence: it does not follow
    assert late.text == ""
    world.model.end()
    world.model.write("Faith is sight.")
    world.model.end()
    await asyncio.gather(client.request, late.request)
    assert client.done["answer"] == "Faith "
    assert late.done["answer"] == "Faith is sight."
    assert (await world.ask_whole()).json()["answer"] == "Faith is sight."


async def test_without_redis_equal_requests_share_the_text(world: World) -> None:
    container = create_container(
        "redis://127.0.0.1:1",
        store=world.store,
        answerer=world.model,
        local_mode=True,
        extractive_fallback=False,
    )
    lonely = World(container, world.model, world.user, world.store)
    leader = lonely.ask()
    world.model.write("Faith ")
    await lonely.begun(leader, text="Faith ")
    follower = lonely.ask()
    await lonely.begun(follower, text="Faith ")
    leader.leave()
    world.model.write("is trust.")
    world.model.end()
    await asyncio.gather(leader.request, follower.request)
    assert follower.done["answer"] == "Faith is trust."
    assert follower.headers["cache-status"] == leader.headers["cache-status"]
    assert leader.headers["cache-status"] == "Tercet; fwd=bypass"
    assert world.model.begun == 1
    await container.aclose()


@pytest.fixture
def http_api_event() -> Callable[[str], dict[str, Any]]:
    def event(user: str) -> dict[str, Any]:
        return {
            "version": "2.0",
            "routeKey": "POST /assistant/query",
            "rawPath": "/assistant/query",
            "rawQueryString": "",
            "headers": {
                "accept": "text/event-stream",
                "content-type": "application/json",
                "host": "api.example",
            },
            "requestContext": {
                "http": {"method": "POST", "path": "/assistant/query", "sourceIp": "192.0.2.1"},
                "authorizer": {"jwt": {"claims": {"sub": user}}},
            },
            "body": json.dumps({"query": QUERY}),
            "isBase64Encoded": False,
        }

    return event


def test_events_come_in_one_piece_behind_the_http_api(
    http_api_event: Callable[[str], dict[str, Any]], valkey_url: str
) -> None:
    container = create_container(valkey_url, answerer=WrittenAnswerer())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        response = GatewayHandler(create_app(container))(http_api_event("nobody"), None)  # type: ignore[arg-type]  # no context
        loop.run_until_complete(container.aclose())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert response["headers"]["content-type"] == "text/event-stream"
    assert response["isBase64Encoded"] is False
    assert [name for name, _ in parse_events(response["body"].encode())] == [
        "metadata",
        "delta",
        "done",
    ]


async def test_text_arrives_over_a_real_connection(valkey_url: str) -> None:
    """Through uvicorn: before the model ends, and a disconnect cancels the generation."""

    class Slow(WrittenAnswerer):
        async def answer(self, *args: Any, on_text: Any = None, **given: Any) -> Any:
            self.begun += 1
            try:
                for _ in range(100):
                    on_text("Faith ")
                    await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

    container = create_container(
        valkey_url, answerer=Slow(), local_mode=True, redis_timeout=5, semantic_matcher="off"
    )
    await container.freshness.note_changed(updated("real", "faith", "Faith is trust."))
    await container.aclose()
    model = container.answerer
    assert isinstance(model, Slow)
    with serving(create_app(container)) as url:
        async with httpx.AsyncClient() as client:
            headers = {"X-Tercet-User": "real", "Accept": "text/event-stream"}
            async with client.stream(
                "POST", f"{url}/assistant/query", json={"query": QUERY}, headers=headers
            ) as response:
                body = b""
                async for part in response.aiter_bytes():
                    body += part
                    if body.count(b"event: delta") > 2:
                        break
        await until(lambda: model.cancelled == 1)
    assert model.begun == 1
