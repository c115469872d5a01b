"""The embedded Valkey, and the cluster and the counting proxy of the tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import redis.cluster
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.local import valkey as valkey_module
from infra.local.valkey import ValkeyProcess, free_port, start_valkey
from shared.errors import ConfigurationError, UnavailableError
from tests.support.listening import wait_for_port
from tests.support.servers import CountingProxy, send_command, valkey_cluster

ROOT = Path(__file__).resolve().parents[2]


def client(server: ValkeyProcess | CountingProxy) -> "redis.Redis":
    return redis.Redis.from_url(server.url, decode_responses=True)


def alive(pid: int) -> bool:
    """Whether a process runs; False for a zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def ends(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyProcess]:
    with start_valkey() as server:
        yield server


def test_server_listens_on_loopback_only(valkey: ValkeyProcess) -> None:
    with client(valkey) as connection:
        assert connection.ping()
        assert connection.config_get("bind", "protected-mode") == {
            "bind": "127.0.0.1",
            "protected-mode": "yes",
        }
        assert connection.info("server")["process_id"] == valkey.pid


def test_port_that_another_server_took_is_not_used(
    valkey: ValkeyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([valkey.port, free_port()])
    monkeypatch.setattr("infra.local.valkey.free_port", lambda: next(ports))
    with start_valkey() as server, client(server) as connection:
        assert server.port != valkey.port
        assert connection.info("server")["process_id"] == server.pid


def test_port_of_a_child_process_is_its_own(valkey: ValkeyProcess) -> None:
    program = f"import socket; socket.create_server(('127.0.0.1', {valkey.port}))"
    command = [sys.executable, "-c", program]
    with (
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as process,
        pytest.raises(ChildProcessError, match="ended with status 1"),
    ):
        wait_for_port(process, valkey.port)


def test_stop_ends_the_process_and_removes_its_temporary_folder() -> None:
    with start_valkey() as server:
        assert alive(server.pid)
    assert not alive(server.pid)
    assert not server.folder.exists()


def test_stop_can_be_called_twice() -> None:
    server = start_valkey()
    server.stop()
    server.stop()
    assert not alive(server.pid)


def test_data_survive_a_restart_with_a_data_folder(tmp_path: Path) -> None:
    with start_valkey(tmp_path / "cache") as server, client(server) as connection:
        connection.set("key", "value")
    with start_valkey(tmp_path / "cache") as server, client(server) as connection:
        assert connection.get("key") == "value"


def test_acknowledged_writes_survive_a_killed_server(tmp_path: Path) -> None:
    with start_valkey(tmp_path) as server, client(server) as connection:
        connection.set("key", "value")
        os.kill(server.pid, signal.SIGKILL)
    with start_valkey(tmp_path) as server, client(server) as connection:
        assert connection.get("key") == "value"


def test_second_server_on_a_folder_is_rejected(tmp_path: Path) -> None:
    with (
        start_valkey(tmp_path),
        pytest.raises(ConfigurationError, match="in use by another Tercet process"),
    ):
        start_valkey(tmp_path)


def test_unknown_directive_is_named_in_the_error() -> None:
    with pytest.raises(UnavailableError, match="nonsense"):
        start_valkey(nonsense="yes")


def test_server_that_does_not_respond_is_started_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, starts = tmp_path / "server", tmp_path / "starts"
    program.write_text(f"#!/bin/sh\necho start >> {starts}\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(valkey_module, "_binary", lambda: program)
    monkeypatch.setattr(valkey_module, "_START_SECONDS", 0.5)
    with pytest.raises(UnavailableError, match="Valkey did not start"):
        start_valkey(tmp_path / "cache")
    assert starts.read_text().split() == ["start"]


def test_password_is_part_of_the_url_and_required() -> None:
    with start_valkey(requirepass="open-sesame") as server:
        with client(server) as connection:
            assert connection.ping()
        with pytest.raises(RuntimeError, match="NOAUTH"):
            send_command(server.port, "PING")


@pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "temporary"])
def test_server_ends_when_its_parent_is_killed(tmp_path: Path, *, persistent: bool) -> None:
    folder = repr(str(tmp_path)) if persistent else ""
    program = (
        "from pathlib import Path; from infra.local.valkey import start_valkey;"
        f"server = start_valkey({f'Path({folder})' if persistent else ''});"
        "print(server.pid, server.port, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        pid, port = map(int, parent.stdout.readline().split())
        with redis.Redis(port=port) as connection:
            connection.set("key", "value")
        parent.kill()
    assert ends(pid)
    if persistent:
        with start_valkey(tmp_path) as server, client(server) as connection:
            assert connection.get("key") == "value"


def test_proxy_counts_a_pipeline_as_one_round_trip(valkey: ValkeyProcess) -> None:
    with CountingProxy(valkey.port) as proxy, client(proxy) as connection:
        connection.ping()
        proxy.reset()
        connection.set("a", "1")
        assert proxy.round_trips == 1
        with connection.pipeline(transaction=False) as pipeline:
            for number in range(20):
                pipeline.set(f"key {number}", "value")
            pipeline.execute()
        assert proxy.round_trips == 2
        assert proxy.connections == 0


def test_proxy_forwards_and_counts_messages_larger_than_one_read(valkey: ValkeyProcess) -> None:
    with CountingProxy(valkey.port) as proxy, client(proxy) as connection:
        connection.set("large", "x" * 1_000_000)
        assert connection.get("large") == "x" * 1_000_000
        assert 1_000_000 < proxy.bytes_sent < 1_001_000
        assert 1_000_000 < proxy.bytes_received < 1_003_000


def test_proxy_closes_connections_when_the_server_has_stopped() -> None:
    server = start_valkey()
    with (
        CountingProxy(server.port) as proxy,
        redis.Redis(port=proxy.port, retry=Retry(NoBackoff(), 0)) as connection,
    ):
        connection.ping()
        server.stop()
        with pytest.raises(redis.exceptions.ConnectionError):
            connection.ping()


def test_cluster_spreads_keys_over_its_nodes_and_counts_through_its_proxies() -> None:
    with valkey_cluster(proxies=True) as cluster:
        with redis.cluster.RedisCluster.from_url(cluster.url) as connection:
            assert {node.port for node in connection.get_nodes()} == {
                proxy.port for proxy in cluster.proxies
            }
            for number in range(30):
                connection.set(f"key {number}", "value")
            before = cluster.round_trips
            connection.get("key 1")
            assert cluster.round_trips == before + 1
            assert all(proxy.round_trips > 0 for proxy in cluster.proxies)
        sizes = [redis.Redis(port=node.port).dbsize() for node in cluster.nodes]
        assert sum(sizes) == 30
        assert min(sizes) > 0
    assert not any(alive(node.pid) for node in cluster.nodes)


def test_replica_takes_over_from_a_killed_master() -> None:
    with valkey_cluster(replicas=1, cluster_node_timeout=500) as cluster:
        replica = redis.Redis(port=cluster.nodes[3].port, decode_responses=True)
        assert replica.role()[0] == "slave"
        os.kill(cluster.nodes[0].pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while replica.role()[0] != "master":
            assert time.monotonic() < deadline
            time.sleep(0.1)
