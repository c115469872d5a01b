"""A Redis whose password is a secret of Secrets Manager, changed while a container is warm."""

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
from tests.support.asking import write_notes
from tests.support.caches import redis_py_client
from tests.support.failing_secrets_manager import failing_secrets_manager
from tests.support.main_job import written
from tests.support.queues import container
from tests.support.secrets_manager import REGION, secrets_manager, set_aws_credentials
from tests.support.servers import ValkeyCluster, valkey_cluster
from tests.support.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

NAME = "tercet/redis"
UNREAD = "a secret cannot be fetched"


@dataclass
class Locked:
    """A Redis that wants a password, of one server or of several."""

    nodes: ValkeyCluster
    cluster: bool
    folder: Path = Path()  # of the notes

    def admit(self, password: str, user: str = "default") -> None:
        """Let a user in by this password alone, and end what others have opened."""
        admin = [redis_acl.ADMIN_PASSWORD] if user == "default" else []
        redis_acl.set_user(self.nodes.nodes, user, [password, *admin])
        redis_acl.disconnect_clients(self.nodes.nodes)

    def settings(self, **changes: object) -> Settings:
        known: dict[str, object] = {
            "redis_url": self.nodes.url,
            "redis_cluster": self.cluster,
            "redis_password_secret": NAME,
            "aws_region": REGION,
            "redis_timeout": 5,
            "database_url": f"sqlite:///{self.folder}/notes.db",
        }
        return Settings(**(known | changes))  # type: ignore[arg-type]  # by name

    async def opened(self, **changes: object) -> Container:
        """A container that has a note to answer from."""
        opened = container(self.settings(**changes))
        await write_notes(opened, "ann", ["hebrews"])
        return opened


@pytest.fixture(scope="module")
def one_server() -> Iterator[Locked]:
    with start_valkey() as node:
        redis_acl.require_password([node])
        yield Locked(ValkeyCluster([node]), cluster=False)


@pytest.fixture(scope="module")
def several() -> Iterator[Locked]:
    with valkey_cluster() as cluster:
        redis_acl.require_password(cluster.nodes)
        yield Locked(cluster, cluster=True)


@pytest.fixture
def redis(one_server: Locked, tmp_path: Path) -> Locked:
    redis_acl.admin_command(one_server.nodes.nodes[0], "FLUSHALL")
    return replace(one_server, folder=tmp_path)


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    set_aws_credentials(monkeypatch)


@pytest.fixture
def keeper() -> Iterator["SecretsManagerClient"]:
    with secrets_manager(NAME, "one-canary") as client:
        yield client


async def ask(opened: Container, question: str = "What is faith?") -> str:
    """Ask a question, which is answered in any case; gives how the cache was."""
    reply = await opened.assistant.ask(Request("ann", question))
    assert reply.answer
    return reply.cache


async def found(opened: Container) -> float:
    """Ask until the cache is there again; gives how many seconds that took."""
    began = time.monotonic()
    async with asyncio.timeout(60):
        while await ask(opened) != "ok":  # noqa: ASYNC110  # asking is what makes it come
            await asyncio.sleep(0.05)
    return time.monotonic() - began


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What this process' log tells, record by record."""
    return [vars(record) for record in caplog.records]


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("one-canary\n", "default", "one-canary"),
        ('{"password": "{two"}', "default", "{two"),
        ('{"username": "tercet", "password": "p@:/%é"}', "tercet", "p@:/%é"),
    ],
)
async def test_redis_is_entered_by_a_secret_s_password_and_as_its_user(
    keeper: "SecretsManagerClient", redis: Locked, text: str, user: str, password: str
) -> None:
    redis.admit(password, user)
    arn = keeper.put_secret_value(SecretId=NAME, SecretString=text)["ARN"]
    redis_client = open_redis_client(redis.settings(redis_password_secret=arn))
    assert await redis_client.execute(Command.of("ACL", "WHOAMI")) == [user.encode()]
    await redis_client.aclose()


@pytest.mark.usefixtures("keeper")
async def test_questions_changes_and_statistics_all_enter_by_it_and_none_tells_it(
    redis: Locked, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "shared")
    redis.admit("one-canary")
    opened = await redis.opened()
    await opened.freshness.note_changed(written("ann", "n", "Faith is trust."))
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
    assert "canary" not in str(told(caplog))
    await opened.aclose()


@pytest.mark.parametrize("kind", ["one_server", "several"])
async def test_a_rotated_password_is_taken_up_where_the_old_one_is_refused(
    keeper: "SecretsManagerClient", kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Five questions at once meet it, and none fails for it."""
    redis: Locked = replace(request.getfixturevalue(kind), folder=tmp_path)
    user = {"username": "rotated", "password": "one"}
    redis.admit("one", "rotated")
    keeper.put_secret_value(SecretId=NAME, SecretString=json.dumps(user))
    opened = await redis.opened()
    assert await ask(opened) == "ok"
    keeper.put_secret_value(SecretId=NAME, SecretString=json.dumps(user | {"password": "two"}))
    redis.admit("two", "rotated")
    fared = await asyncio.gather(*(ask(opened, f"What is hope {n}?") for n in range(5)))
    assert fared == ["ok"] * 5
    assert opened.redis_client
    assert not opened.redis_client.circuit_breaker.take_open_count()
    await opened.aclose()


async def test_a_secret_that_changes_after_redis_is_taken_up_at_the_deployed_time_outs(
    keeper: "SecretsManagerClient",
    redis: Locked,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Meanwhile questions are answered without the cache."""
    monkeypatch.setattr("shared.secrets._REFETCH_SECONDS", 0.5)
    redis.admit("one-canary")
    opened = await redis.opened(redis_timeout=Settings().redis_timeout)
    await found(opened)  # the first question does not wait for the secret
    caplog.clear()
    redis.admit("two-canary")
    assert await ask(opened) == "unavailable"
    keeper.put_secret_value(SecretId=NAME, SecretString="two-canary")
    assert await found(opened) < 10
    said = {record["message"] for record in told(caplog)}
    assert said == {"the cache is unavailable", "the cache is available again"}
    assert "canary" not in str(told(caplog))
    await opened.aclose()


async def test_a_password_that_stays_wrong_is_not_read_at_every_refusal(
    redis: Locked,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("shared.cache.redis.circuit_breaker.OPEN_SECONDS", 0.0)
    with failing_secrets_manager("", times=0, then="canary") as (url, calls):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        opened = await redis.opened()
        for number in range(4):
            assert await ask(opened, f"What is hope {number}?") == "unavailable"
            await asyncio.sleep(0.05)
    assert len(calls) == 2
    errors = [record["log_fields"]["error"] for record in told(caplog) if "log_fields" in record]
    assert errors == ["AuthenticationError"]
    assert "canary" not in str(told(caplog))
    await opened.aclose()


@contextmanager
def nobody() -> Iterator[str]:
    with failing_secrets_manager("") as (url, _):
        pass
    yield url


@contextmanager
def replying(code: str, *, times: int = 1_000, then: str = "") -> Iterator[str]:
    with failing_secrets_manager(code, times=times, then=then) as (url, _):
        yield url


@contextmanager
def mute() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (nobody, "EndpointConnectionError"),
        (
            partial(replying, "AccessDeniedException"),
            "allow this function secretsmanager:GetSecretValue",
        ),
        (partial(replying, "", times=0, then="  "), "must be a password of printable characters"),
        (mute, "ReadTimeoutError"),
    ],
    ids=["nobody there", "denied", "empty", "mute"],
)
async def test_where_no_password_can_be_read_questions_are_answered_at_once_and_the_log_says_why(
    trouble: Callable[[], AbstractContextManager[str]],
    said: str,
    redis: Locked,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once, however many questions come, and also where reading outlasts a connection's time."""
    monkeypatch.setattr("shared.cache.redis.single_server.CONNECT_SECONDS", 0.5)
    monkeypatch.setattr("shared.aws.secrets._ATTEMPTS", 1)
    monkeypatch.setattr("shared.cache.redis.circuit_breaker.OPEN_SECONDS", 0.0)
    opened = await redis.opened(redis_timeout=Settings().redis_timeout)

    def reasons() -> list[str]:
        return [each["log_fields"]["error"] for each in told(caplog) if each["message"] == UNREAD]

    with trouble() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        began = time.monotonic()
        assert await ask(opened) == "unavailable"
        assert time.monotonic() - began < 1.9  # Secrets Manager has two seconds
        await until(reasons)
        for number in range(3):
            assert await ask(opened, f"What is hope {number}?") == "unavailable"
            await asyncio.sleep(0.1)
    (reason,) = reasons()
    assert "REDIS_CACHE_PASSWORD_SECRET" in reason
    assert said in reason
    assert [each["message"] for each in told(caplog)].count("the cache is unavailable") == 1
    await opened.aclose()


async def test_a_connection_that_was_not_waited_for_is_not_left_open_without_its_password(
    redis: Locked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool would give it to the next command as it is."""
    monkeypatch.setattr("shared.aws.secrets._ATTEMPTS", 1)
    with mute() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        redis_client = open_redis_client(redis.settings())
        made: Any = redis_py_client(redis_client).connection_pool.make_connection()
        task = asyncio.create_task(made.connect())
        await until(lambda: made.is_connected)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not made.is_connected
