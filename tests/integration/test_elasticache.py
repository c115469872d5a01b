"""A cluster with TLS that accepts only IAM tokens, like ElastiCache Serverless.

The embedded Valkey is built without TLS: a proxy in front of each node adds it.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from functions.ask.app import create_app as ask_app
from functions.http.gateway import GatewayHandler
from functions.invalidate.handler import QueueHandler
from functions.stats.app import create_app as stats_app
from infra.local.valkey import start_valkey
from shared.aws.credentials import Credentials
from shared.cache.keyspace import UserKeys
from shared.cache.redis.client import RedisClient
from shared.cache.redis.commands import Command
from shared.cache.redis.connection import load_ca_certificates
from shared.cache.redis.factory import open_redis_client
from shared.errors import CacheUnavailableError
from shared.question import Request
from shared.settings import Settings
from tests.support import redis_acl
from tests.support.caches import redis_py_client
from tests.support.platform_credentials import credentials_endpoint
from tests.support.queues import Context, batch, body, close, failed, make_container
from tests.support.servers import ValkeyCluster, valkey_cluster
from tests.support.tls_proxy import CertificateAuthority

USER, NAME = "tercet", "tercet-cache"
OLD = Credentials("AKIDOLD", "old secret", "old session")
NEW = Credentials("AKIDNEW", "new secret")
CONTEXT: Any = SimpleNamespace(aws_request_id="1")


@dataclass
class ElastiCache:
    """The cluster, and its URL for clients that trust its certificate authority."""

    cluster: ValkeyCluster
    url: str

    def accept(self, credentials: Credentials) -> None:
        """Accept only tokens of these credentials, for two minutes."""
        now = int(time.time())
        tokens = redis_acl.iam_tokens(USER, NAME, credentials, range(now - 5, now + 120))
        redis_acl.set_user(self.cluster.nodes, USER, tokens)

    def settings(self, **changes: object) -> Settings:
        known: dict[str, object] = {
            "redis_url": self.url,
            "redis_cluster": True,
            "redis_iam_user": USER,
            "redis_iam_name": NAME,
            "aws_region": "eu-central-1",
            "redis_timeout": 5,
        }
        return Settings(**(known | changes))  # type: ignore[arg-type]  # by name


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(authority: CertificateAuthority) -> Iterator[ElastiCache]:
    with valkey_cluster(proxies=True, proxy=authority.proxy()) as cluster:
        redis_acl.require_password(cluster.nodes)
        yield ElastiCache(cluster, authority.url(cluster.proxies[0]))


@pytest.fixture
def cache(running: ElastiCache, monkeypatch: pytest.MonkeyPatch) -> ElastiCache:
    for node in running.cluster.nodes:
        redis_acl.admin_command(node, "FLUSHALL")
    running.accept(OLD)
    set_credentials(OLD, monkeypatch)
    return running


def set_credentials(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the credentials of this process's role."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", credentials.session_token)


async def query_all_nodes(redis_client: RedisClient) -> list[object]:
    """Look up keys in many slots, on all nodes."""
    keys = [UserKeys.of(f"user {number}").questions for number in range(64)]
    return await redis_client.execute(*(Command.of("EXISTS", key) for key in keys))


def gateway_event(method: str, path: str, sent: object = None) -> dict[str, Any]:
    """An API Gateway event of an authorized user."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "example.org", "content-type": "application/json"},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "203.0.113.1"},
            "authorizer": {"jwt": {"claims": {"sub": "eve", "scope": "stats:read"}}},
            "stage": "$default",
        },
        "body": json.dumps(sent),
        "isBase64Encoded": False,
    }


def test_all_functions_work_with_tls_and_iam_tokens(cache: ElastiCache, tmp_path: Path) -> None:
    settings = cache.settings(database_url=f"sqlite:///{tmp_path / 'notes.db'}")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    opened = make_container(settings)
    ask, stats = (GatewayHandler(make(opened)) for make in (ask_app, stats_app))
    change = QueueHandler(lambda: make_container(settings))

    def apply(version: int, text: str) -> bool:
        event = batch(body("eve", "n", "updated", version, text))
        return failed(change(event, Context())) == []  # type: ignore[arg-type]  # a part of it

    def tier_of(query: str) -> object:
        response: Any = ask(gateway_event("POST", "/assistant/query", {"query": query}), CONTEXT)
        metadata = json.loads(response["body"])["metadata"]
        assert metadata["cache"] == "ok"
        return metadata["tier"]

    try:
        assert apply(1, "Faith is hope.")
        assert [tier_of("What is faith?") for _ in range(2)] == [None, "l1"]
        assert apply(2, "Faith is trust.")
        assert tier_of("What is faith?") == "l2"
        response: Any = stats(gateway_event("GET", "/assistant/cache-stats"), CONTEXT)
        statistics = json.loads(response["body"])
        assert statistics["l1_query"]["total_hits"] == 1
        assert statistics["note_changes"]["acknowledged"] == 2
    finally:
        loop.run_until_complete(opened.aclose())
        close(change)
        asyncio.set_event_loop(None)
        loop.close()


async def test_a_closed_connection_is_reopened_with_a_new_token(
    cache: ElastiCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ElastiCache closes connections after twelve hours. No command fails."""
    redis_client = open_redis_client(cache.settings())
    assert await query_all_nodes(redis_client) == [0] * 64
    set_credentials(NEW, monkeypatch)
    cache.accept(NEW)
    redis_acl.disconnect_clients(cache.cluster.nodes)
    assert await query_all_nodes(redis_client) == [0] * 64
    assert not redis_client.circuit_breaker.take_open_count()
    await redis_client.aclose()


async def test_a_refused_token_fails_no_question_and_the_next_token_is_accepted(
    cache: ElastiCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = cache.settings(database_url=f"sqlite:///{tmp_path / 'notes.db'}")
    cache.accept(NEW)
    opened = make_container(settings)
    reply = await opened.assistant.ask(Request("ann", "What is faith?"))
    assert reply.cache == "unavailable"
    log = str([vars(record) for record in caplog.records])
    assert "AuthenticationError" in log
    assert not any(secret in log for secret in (OLD.secret, OLD.session_token, "X-Amz-"))
    await opened.aclose()
    cache.accept(OLD)
    opened = make_container(settings)
    assert (await opened.assistant.ask(Request("ann", "What is faith?"))).cache == "ok"
    await opened.aclose()


async def test_the_log_names_the_missing_credentials(
    cache: ElastiCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    redis_client = open_redis_client(cache.settings(redis_cluster=False))
    with pytest.raises(CacheUnavailableError):
        await redis_client.execute(Command.of("PING"))
    assert "set AWS_ACCESS_KEY_ID" in str([vars(record) for record in caplog.records])
    await redis_client.aclose()


async def test_a_single_server_accepts_a_token_of_credentials_from_the_endpoint(
    authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with SnapStart, where the environment contains no keys."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    credentials = Credentials("id1", "secret1", "token1")
    with credentials_endpoint() as endpoint, start_valkey() as node, authority.proxy()() as proxy:
        endpoint.expires_at = time.time() + 3_600
        for name, value in endpoint.environ.items():
            monkeypatch.setenv(name, value)
        proxy.target = node.port
        redis_acl.require_password([node])
        cache = ElastiCache(ValkeyCluster([node]), authority.url(proxy))
        cache.accept(credentials)
        redis_client = open_redis_client(cache.settings(redis_cluster=False))
        assert await redis_client.execute(Command.of("PING")) == [b"PONG"]
        assert "X-Amz" not in repr(redis_py_client(redis_client))
        await redis_client.aclose()


async def test_ca_certificates_are_loaded_once_for_all_connections(
    cache: ElastiCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    create_default_context = ssl.create_default_context

    def count() -> ssl.SSLContext:
        loaded.append(1)
        return create_default_context()

    monkeypatch.setattr("shared.cache.redis.connection._ssl_contexts", {})
    monkeypatch.setattr("ssl.create_default_context", count)
    before = sum(proxy.connections for proxy in cache.cluster.proxies)
    redis_client = open_redis_client(cache.settings())
    await asyncio.gather(*(query_all_nodes(redis_client) for _ in range(5)))
    assert sum(proxy.connections for proxy in cache.cluster.proxies) - before > 3
    assert len(loaded) == 1
    await redis_client.aclose()


async def test_a_first_command_succeeds_within_the_default_timeout(
    cache: ElastiCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With CA certificates loaded before, as in a snapshot. A slow machine may need attempts."""
    monkeypatch.setattr("shared.cache.redis.connection._ssl_contexts", {})
    settings = cache.settings(redis_timeout=Settings().redis_timeout)
    load_ca_certificates(settings.redis_url)
    for _ in range(100):
        redis_client = open_redis_client(settings)
        try:
            reply = await redis_client.execute(Command.of("EXISTS", UserKeys.of("ann").questions))
        except CacheUnavailableError:
            continue
        finally:
            await redis_client.aclose()
        assert reply == [0]
        return
    pytest.fail("a hundred first commands timed out")


@pytest.mark.parametrize(
    ("address", "trusting", "works"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("127.0.0.2", True, False)],
    ids=["trusted authority", "unknown authority", "other server"],
)
async def test_a_certificate_must_be_trusted_and_match_the_server(
    authority: CertificateAuthority, valkey_url: str, address: str, *, trusting: bool, works: bool
) -> None:
    with authority.proxy(address)() as proxy:
        proxy.target = int(valkey_url.rpartition(":")[2].partition("/")[0])
        url = authority.url(proxy)
        settings = Settings(redis_url=url if trusting else url.partition("?")[0], redis_timeout=5)
        redis_client = open_redis_client(settings)
        try:
            reply = await redis_client.execute(Command.of("PING"))
        except CacheUnavailableError:
            reply = []
        assert (reply == [b"PONG"]) is works
        await redis_client.aclose()
