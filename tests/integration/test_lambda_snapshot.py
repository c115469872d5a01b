"""SnapStart hooks: modules are loaded and connections are closed before a snapshot."""

import asyncio
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import snapshot_restore_py
from awslambdaric import lambda_runtime_hooks_runner as runtime

from functions.lambda_snapshot import after_restore, before_snapshot, register_snapshot_hooks
from shared.cache.redis.commands import Command
from shared.container import Container
from shared.settings import Settings
from tests.support.caches import redis_py_client
from tests.support.servers import CountingProxy

SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty hook registries."""
    for name in ("_before_snapshot_registry", "_after_restore_registry"):
        monkeypatch.setattr(snapshot_restore_py, name, [])


def create_container(tmp_path: Path, url: str) -> Container:
    return Container(
        Settings(redis_url=url, database_url=f"sqlite:///{tmp_path / 'n.db'}", redis_timeout=5)
    )


@pytest.mark.usefixtures("hooks")
@pytest.mark.parametrize("environ", [{}, {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}])
def test_no_hook_is_registered_without_snapstart(environ: dict[str, str], tmp_path: Path) -> None:
    container = create_container(tmp_path, "redis://localhost")
    register_snapshot_hooks(container, environ)
    assert not snapshot_restore_py.get_before_snapshot()
    assert not snapshot_restore_py.get_after_restore()
    assert "redis_client" not in vars(container)


@pytest.mark.usefixtures("hooks")
def test_connections_are_closed_before_a_snapshot_and_reopened_after_restore(
    tmp_path: Path, valkey_url: str, loop: asyncio.AbstractEventLoop
) -> None:
    port = int(valkey_url.rpartition(":")[2].partition("/")[0])
    ping = Command.of("PING")
    with CountingProxy(port) as proxy:
        container = create_container(tmp_path, proxy.url)
        register_snapshot_hooks(container, SNAP_START)
        redis_client = container.redis_client
        assert redis_client
        loop.run_until_complete(redis_client.execute(ping))
        assert proxy.connections == 1
        assert redis_py_client(redis_client).connection_pool._available_connections
        runtime.run_before_snapshot()
        assert not any(
            c.is_connected
            for c in redis_py_client(redis_client).connection_pool._available_connections
        )
        runtime.run_after_restore()
        loop.run_until_complete(redis_client.execute(ping))
        assert container.redis_client is redis_client
        assert proxy.connections == 2
        loop.run_until_complete(container.aclose())


def test_before_snapshot_opens_no_connection(
    tmp_path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    assert not loop.is_running()
    with CountingProxy() as proxy:
        before_snapshot(create_container(tmp_path, proxy.url))
        assert proxy.connections == 0
    assert not (tmp_path / "n.db").exists()


def test_before_snapshot_loads_certificates_and_boto3(
    tmp_path: Path, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading the CA certificates takes half of the first question's time in Redis."""
    assert not loop.is_running()
    for name in [name for name in sys.modules if name.partition(".")[0] in {"boto3", "botocore"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("shared.cache.redis.connection._ssl_contexts", {})
    settings = Settings(
        redis_url="rediss://redis.example:6379",
        hf_token_secret="name",
        database_url=f"sqlite:///{tmp_path / 'n.db'}",
        aws_region="eu-central-1",
    )
    container = Container(settings)
    before_snapshot(container)
    assert {"boto3.session", "botocore.client"} <= sys.modules.keys()

    def loads() -> None:
        raise AssertionError("authorities are loaded with the first connection")

    monkeypatch.setattr("ssl.create_default_context", loads)
    redis_client = container.redis_client
    assert redis_client
    connection = redis_py_client(redis_client).connection_pool.make_connection()
    assert connection.ssl_context.get()


def test_processes_restored_from_one_snapshot_draw_different_random_numbers() -> None:
    state = random.getstate()
    drawn = set()
    for _ in range(3):
        random.setstate(state)
        after_restore()
        drawn.add(random.random())
    assert len(drawn) == 3
