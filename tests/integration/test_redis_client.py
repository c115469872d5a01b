"""`RedisServerClient` against a fake Redis and a server that is no Redis."""

import asyncio

import fakeredis
import pytest
from redis.asyncio import ConnectionPool
from redis.exceptions import ResponseError

from infra.local.playground.cache_inspector import read_cached_questions
from shared.cache.counter_reader import CounterReader
from shared.cache.redis.commands import Command
from shared.cache.redis.connection import exchange
from shared.cache.redis.factory import open_redis_client
from shared.cache.redis.single_server import RedisServerClient
from shared.errors import CacheUnavailableError
from shared.settings import Settings
from tests.support.caches import Cache


async def test_memory_usage_is_none_if_the_server_omits_a_field(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = fakeredis.FakeAsyncRedis(server_type="valkey")
    redis_client = RedisServerClient(client, timeout=5)

    async def info(section: str) -> dict[str, int]:
        return {"used_memory": 1}

    monkeypatch.setattr(client, "info", info)
    assert await redis_client.memory_usage() is None
    assert redis_client.circuit_breaker.take_open_count() == 0
    await redis_client.aclose()


@pytest.mark.parametrize(("parameters", "version"), [("", b"2"), ("?protocol=3", b"3")])
async def test_connection_uses_resp2_unless_the_url_names_the_protocol(
    valkey_url: str, parameters: str, version: bytes
) -> None:
    redis_client = open_redis_client(Settings(redis_url=valkey_url + parameters), timeout=5)
    (reply,) = await redis_client.execute(Command.of("CLIENT", "INFO"))
    assert b" resp=%s " % version in reply
    await redis_client.aclose()


async def test_a_failed_command_leaves_the_replies_of_the_others_in_order(
    valkey_url: str,
) -> None:
    pool = ConnectionPool.from_url(valkey_url)
    words = ("SET", "text", "a"), ("HGET", "text", "b"), ("NO SUCH COMMAND",), ("GET", "text")
    first, wrong_type, unknown, last = await exchange(pool, [Command.of(*each) for each in words])
    assert (first, last) == (b"OK", b"a")
    assert str(wrong_type).startswith("WRONGTYPE")
    assert str(unknown).startswith("unknown command")
    assert isinstance(wrong_type, ResponseError)
    assert isinstance(unknown, ResponseError)
    assert await exchange(pool, [Command.of("ECHO", "c")]) == [b"c"]
    await pool.aclose()


async def test_a_reply_that_does_not_parse_is_a_connection_error() -> None:
    """For example from an HTTP server on the port that the settings name."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    redis_client = open_redis_client(Settings(redis_url=f"redis://127.0.0.1:{port}"), timeout=5)
    with pytest.raises(CacheUnavailableError):
        await redis_client.execute(Command.of("GET", "key"))
    assert redis_client.circuit_breaker.is_open
    assert not redis_client.circuit_breaker.allow_request()
    await redis_client.aclose()
    server.close()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_both_versions_of_the_protocol_serve_all_that_is_read(
    valkey_url: str, protocol: int
) -> None:
    """A hash is a list in version 2 of RESP, and a map in version 3."""
    url = f"{valkey_url.removesuffix('/0')}/5?protocol={protocol}"
    settings = Settings(redis_url=url, redis_timeout=5)
    cache = Cache(open_redis_client(settings), settings)
    await cache.redis("FLUSHDB")
    answer = await cache.ask()
    assert (await cache.session().lookup()).answer == answer
    other = cache.session(question="define faith")
    await other.lookup()
    ((field, entry),) = (await other.load_miss_context()).matchable_entries.items()
    assert entry.answer_id == answer.answer_id
    assert await read_cached_questions(cache.redis_client, "ann") == {field: entry}
    snapshot = await CounterReader(cache.redis_client).read_snapshot()
    assert (snapshot.total["l1_hits"], snapshot.total["l1_misses"]) == (1, 2)
    await cache.redis_client.aclose()
