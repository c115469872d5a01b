"""Replies of a kind that no script gives, as a proxy or another server's fault may make them."""

import asyncio
from typing import Any

import fakeredis
import pytest
from redis.exceptions import ResponseError

from shared.cache.feedback import Feedback
from shared.cache.invalidation import Invalidation
from shared.cache.redis.client import RedisClient
from shared.cache.redis.cluster import RedisClusterClient
from shared.cache.redis.commands import Command
from shared.cache.session import CacheSession
from shared.errors import CacheUnavailableError
from shared.settings import Settings
from tests.support.caches import PIPELINE

INDEXES = [[2, [b"a", b"b"]], [1, [b"a", None]], [None, []], [ResponseError("2"), [b"a", b"b"]]]
GARBLED = [7, [1, 2], b"text", [b"odd"], None, {b"field": 7}]


class Garbling(RedisClient):
    """Replies to each command with the same nonsense, once it garbles, or to one of several."""

    def __init__(self, reply: object, *, place: int | None = None) -> None:
        """`place`: which of the commands that go together is the one."""
        super().__init__(fakeredis.FakeAsyncRedis(server_type="valkey"), timeout=5)
        self.reply = reply
        self.place = place
        self.garbles = False

    async def execute(self, *commands: Command, within: float | None = None) -> list[Any]:
        if self.garbles and self.place is None:
            return [self.reply for _ in commands]
        replies = await super().execute(*commands, within=within)
        if self.garbles and self.place is not None:
            replies[self.place] = self.reply
        return replies


def session(redis_client: RedisClient) -> CacheSession:
    return CacheSession(
        redis_client, Settings(redis_timeout=5), user_id="ann", question="a", pipeline=PIPELINE
    )


@pytest.mark.parametrize("reply", GARBLED)
async def test_a_waiter_goes_on_without_the_cache(reply: object) -> None:
    redis_client = Garbling(reply)
    owner, waiter = session(redis_client), session(redis_client)
    for each in (owner, waiter):
        await each.lookup()
        await each.load_miss_context()
    redis_client.garbles = True
    found = await waiter.wait_for_leader(asyncio.get_running_loop().time() + 5)
    assert found.answer is None
    assert waiter.status == "unavailable"


@pytest.mark.parametrize("reply", [*GARBLED, {b"field": None}, {None: b"entry"}, [b"a", None]])
async def test_an_index_that_makes_no_sense_is_that_of_no_cache(reply: object) -> None:
    """A question goes on without it."""
    redis_client = Garbling(reply, place=2)
    asker = session(redis_client)
    await asker.lookup()
    redis_client.garbles = True
    survey = await asker.load_miss_context()
    assert (survey.candidates, survey.lock_acquired, asker.status) == ({}, True, "unavailable")


async def test_whose_own_token_comes_garbled_does_not_wait_for_itself() -> None:
    """Nobody would renew that flight, so it would be over after seconds."""
    redis_client = Garbling(b"another", place=1)
    asker = session(redis_client)
    await asker.lookup()
    redis_client.garbles = True
    assert not (await asker.load_miss_context()).lock_acquired
    redis_client.garbles = False
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asker.wait_for_leader(began + 5)
    assert (await asker.load_miss_context()).lock_acquired
    assert loop.time() - began < 1  # a flight lasts for three


@pytest.mark.parametrize("reply", [7, [1, 2], b"text", [b"odd"], None, *INDEXES])
async def test_a_change_is_not_acknowledged(reply: object) -> None:
    redis_client = Garbling(reply)
    redis_client.garbles = True
    with pytest.raises(CacheUnavailableError, match="garbled"):
        await Invalidation(redis_client).rotate_fence("ann")


@pytest.mark.parametrize("reply", GARBLED)
async def test_feedback_is_not_taken(reply: object) -> None:
    redis_client = Garbling(reply)
    redis_client.garbles = True
    with pytest.raises(CacheUnavailableError, match="garbled"):
        await Feedback(redis_client).reject_answer("ann", "an-answer")


@pytest.mark.parametrize("reply", [7, [[0]], b"text", [[0, 16383, [b"host"]]], None, [[0, 1]]])
async def test_a_server_that_garbles_who_has_which_slot_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, reply: object
) -> None:
    redis_client = RedisClusterClient({"host": "127.0.0.1", "port": 1}, timeout=0.2)
    monkeypatch.setattr(redis_client, "_node", lambda address: Named(reply, address))
    with pytest.raises(CacheUnavailableError, match="no server is known"):
        await redis_client.execute(Command.of("GET", "key"))
    await redis_client.aclose()


class Named(Garbling):
    """One with an address."""

    def __init__(self, reply: object, address: object) -> None:
        super().__init__(reply)
        self.address, self.garbles = address, True


async def test_a_server_that_does_not_tell_its_memory_is_none_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = fakeredis.FakeAsyncRedis(server_type="valkey")
    redis_client = RedisClient(client, timeout=5)

    async def info(section: str) -> dict[str, int]:
        return {"used_memory": 1}

    monkeypatch.setattr(client, "info", info)
    assert await redis_client.memory_usage() is None
    assert redis_client.circuit_breaker.take_open_count() == 0
    await redis_client.aclose()
