"""A Redis password from Secrets Manager that changes while a container is running."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.valkey import start_valkey
from shared.cache.redis.commands import Command
from shared.cache.redis.factory import open_redis_client
from shared.container import Container
from shared.question import Request
from shared.settings import Settings
from tests.support import redis_acl
from tests.support.caches import redis_py_client
from tests.support.clock import Clock
from tests.support.failing_secrets_manager import failing_secrets_manager
from tests.support.full_stack import updated
from tests.support.local_environment import write_notes
from tests.support.queues import make_container
from tests.support.secrets_manager import REGION, secrets_manager, set_aws_credentials
from tests.support.servers import ValkeyCluster, valkey_cluster
from tests.support.waiting import repeated, until

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

NAME = "tercet/redis"
FETCH_FAILED = "a secret cannot be fetched"


@dataclass
class ProtectedRedis:
    """A Redis that requires a password: one server or a cluster."""

    nodes: ValkeyCluster
    cluster: bool
    folder: Path = Path()  # for the notes

    def set_password(self, password: str, user: str = "default") -> None:
        """Set a user's only password, and close all connections."""
        admin = [redis_acl.ADMIN_PASSWORD] if user == "default" else []
        redis_acl.set_user(self.nodes.nodes, user, [password, *admin])
        redis_acl.disconnect_clients(self.nodes.nodes)

    def settings(self, **changes: object) -> Settings:
        settings: dict[str, object] = {
            "redis_url": self.nodes.url,
            "redis_cluster": self.cluster,
            "redis_password_secret": NAME,
            "aws_region": REGION,
            "redis_timeout": 5,
            "database_url": f"sqlite:///{self.folder}/notes.db",
        }
        return Settings(**(settings | changes))  # type: ignore[arg-type]  # by name

    async def open_container(self, **changes: object) -> Container:
        """Create a container with one note."""
        opened = make_container(self.settings(**changes))
        await write_notes(opened, "ann", ["hebrews"])
        return opened


@pytest.fixture(scope="module")
def one_server() -> Iterator[ProtectedRedis]:
    with start_valkey() as node:
        redis_acl.require_password([node])
        yield ProtectedRedis(ValkeyCluster([node]), cluster=False)


@pytest.fixture(scope="module")
def cluster() -> Iterator[ProtectedRedis]:
    with valkey_cluster() as nodes:
        redis_acl.require_password(nodes.nodes)
        yield ProtectedRedis(nodes, cluster=True)


@pytest.fixture
def redis(one_server: ProtectedRedis, tmp_path: Path) -> ProtectedRedis:
    redis_acl.admin_command(one_server.nodes.nodes[0], "FLUSHALL")
    return replace(one_server, folder=tmp_path)


@pytest.fixture(autouse=True)
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    set_aws_credentials(monkeypatch)


@pytest.fixture
def secrets() -> Iterator["SecretsManagerClient"]:
    with secrets_manager(NAME, "one-canary") as client:
        yield client


async def ask(opened: Container, question: str = "What is faith?") -> str:
    """Ask a question, which must be answered, and return the cache status."""
    reply = await opened.assistant.ask(Request("ann", question))
    assert reply.answer
    return reply.cache


async def ask_until_cache_is_available(opened: Container) -> None:
    """Ask until the cache is available: a question triggers the probe."""

    async def is_available() -> bool:
        return await ask(opened) == "ok"

    await repeated(is_available)


def log_records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """All fields of all log records."""
    return [vars(record) for record in caplog.records]


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("one-canary\n", "default", "one-canary"),
        ('{"password": "{two"}', "default", "{two"),
        ('{"username": "tercet", "password": "p@:/%é"}', "tercet", "p@:/%é"),
    ],
)
async def test_connections_log_in_with_the_password_and_user_of_the_secret(
    secrets: "SecretsManagerClient", redis: ProtectedRedis, text: str, user: str, password: str
) -> None:
    redis.set_password(password, user)
    arn = secrets.put_secret_value(SecretId=NAME, SecretString=text)["ARN"]
    redis_client = open_redis_client(redis.settings(redis_password_secret=arn))
    assert await redis_client.execute(Command.of("ACL", "WHOAMI")) == [user.encode()]
    await redis_client.aclose()


@pytest.mark.usefixtures("secrets")
async def test_the_password_is_in_no_log_and_no_repr(
    redis: ProtectedRedis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "shared")
    redis.set_password("one-canary")
    opened = await redis.open_container()
    await opened.freshness.note_changed(updated("ann", "n", "Faith is trust."))
    assert [await ask(opened) for _ in range(2)] == ["ok"] * 2
    assert (await opened.counter_reader.read_snapshot(1)).total
    parts = [opened, opened.settings, opened.redis_client, opened.background_redis_client]
    clients = [
        redis_py_client(part)
        for part in (opened.redis_client, opened.background_redis_client)
        if part
    ]
    for part in (*parts, *clients, *(client.connection_pool for client in clients)):
        assert "canary" not in f"{part!r} {part}"
    assert "canary" not in str(log_records(caplog))
    await opened.aclose()


@pytest.mark.parametrize("kind", ["one_server", "cluster"])
async def test_a_rotated_password_is_fetched_when_the_old_one_is_refused(
    secrets: "SecretsManagerClient", kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """None of five concurrent questions fails."""
    redis: ProtectedRedis = replace(request.getfixturevalue(kind), folder=tmp_path)
    user = {"username": "rotated", "password": "one"}
    redis.set_password("one", "rotated")
    secrets.put_secret_value(SecretId=NAME, SecretString=json.dumps(user))
    opened = await redis.open_container()
    assert await ask(opened) == "ok"
    secrets.put_secret_value(SecretId=NAME, SecretString=json.dumps(user | {"password": "two"}))
    redis.set_password("two", "rotated")
    statuses = await asyncio.gather(*(ask(opened, f"What is hope {n}?") for n in range(5)))
    assert statuses == ["ok"] * 5
    assert opened.redis_client
    assert not opened.redis_client.circuit_breaker.take_open_count()
    await opened.aclose()


async def test_a_secret_that_changes_after_redis_is_used_with_the_default_timeout(
    secrets: "SecretsManagerClient",
    redis: ProtectedRedis,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Until then questions are answered without the cache."""
    redis.set_password("one-canary")
    opened = await redis.open_container(redis_timeout=Settings().redis_timeout)
    await ask_until_cache_is_available(opened)  # the first question does not wait for the secret
    caplog.clear()
    redis.set_password("two-canary")
    assert await ask(opened) == "unavailable"
    secrets.put_secret_value(SecretId=NAME, SecretString="two-canary")
    clock.ahead += 10  # an unchanged secret is fetched every ten seconds
    await ask_until_cache_is_available(opened)
    messages = {record["message"] for record in log_records(caplog)}
    assert messages == {"the cache is unavailable", "the cache is available again"}
    assert "canary" not in str(log_records(caplog))
    await opened.aclose()


async def test_a_password_that_stays_wrong_is_not_fetched_at_each_refusal(
    redis: ProtectedRedis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("shared.cache.redis.circuit_breaker.OPEN_SECONDS", 0.0)
    with failing_secrets_manager("", times=0, then="canary") as (url, calls):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        opened = await redis.open_container()
        for number in range(4):
            assert await ask(opened, f"What is hope {number}?") == "unavailable"
            await asyncio.sleep(0.05)
    assert len(calls) == 2
    errors = [
        record["log_fields"]["error"] for record in log_records(caplog) if "log_fields" in record
    ]
    assert errors == ["AuthenticationError"]
    assert "canary" not in str(log_records(caplog))
    await opened.aclose()


@contextmanager
def unreachable() -> Iterator[str]:
    with failing_secrets_manager("") as (url, _):
        pass
    yield url


@contextmanager
def returning(code: str, *, times: int = 1_000, then: str = "") -> Iterator[str]:
    with failing_secrets_manager(code, times=times, then=then) as (url, _):
        yield url


@contextmanager
def mute() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        (unreachable, "EndpointConnectionError"),
        (
            partial(returning, "AccessDeniedException"),
            "allow this function secretsmanager:GetSecretValue",
        ),
        (partial(returning, "", times=0, then="  "), "names has no value"),
        pytest.param(mute, "ReadTimeoutError", marks=pytest.mark.slow),
    ],
    ids=["unreachable", "denied", "empty", "mute"],
)
async def test_a_failed_password_fetch_delays_no_answer_and_is_logged_once(
    endpoint: Callable[[], AbstractContextManager[str]],
    reason: str,
    redis: ProtectedRedis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged once for four questions, also if the fetch outlasts the connection attempt."""
    monkeypatch.setattr("shared.cache.redis.single_server.CONNECT_SECONDS", 0.5)
    monkeypatch.setattr("shared.cache.redis.circuit_breaker.OPEN_SECONDS", 0.0)
    opened = await redis.open_container(redis_timeout=Settings().redis_timeout)

    def logged() -> list[str]:
        return [
            each["log_fields"]["error"]
            for each in log_records(caplog)
            if each["message"] == FETCH_FAILED
        ]

    with endpoint() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        began = time.monotonic()
        assert await ask(opened) == "unavailable"
        assert time.monotonic() - began < 5, "three attempts of a fetch have six seconds"
        await until(logged)
        for number in range(3):
            assert await ask(opened, f"What is hope {number}?") == "unavailable"
            await asyncio.sleep(0.1)
    (error,) = logged()
    assert "REDIS_CACHE_PASSWORD_SECRET" in error
    assert reason in error
    assert [each["message"] for each in log_records(caplog)].count("the cache is unavailable") == 1
    await opened.aclose()


async def test_a_cancelled_connection_attempt_leaves_no_unauthenticated_connection(
    redis: ProtectedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool would reuse it for the next command."""
    with mute() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        redis_client = open_redis_client(redis.settings())
        connection: Any = redis_py_client(redis_client).connection_pool.make_connection()
        task = asyncio.create_task(connection.connect())
        await until(lambda: connection.is_connected)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not connection.is_connected
