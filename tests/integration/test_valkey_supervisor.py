"""One Valkey server for all processes that use a data folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from infra.local.valkey_supervisor import shared_valkey
from tests.support.servers import is_free, send_command

ROOT = Path(__file__).resolve().parents[2]
USE = (
    "import sys; from pathlib import Path\n"
    "from infra.local.valkey_supervisor import shared_valkey\n"
    "with shared_valkey(Path(sys.argv[1])) as url:\n"
    "    print(url, flush=True)\n"
    "    input()\n"
)


def start_user(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", USE, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_url(user: "subprocess.Popen[str]") -> str:
    assert user.stdout
    return user.stdout.readline().strip()


def until_free(folder: Path, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not is_free(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_free(folder)


def test_later_user_gets_the_same_server_and_the_last_user_stops_it(tmp_path: Path) -> None:
    with shared_valkey(tmp_path) as url:
        with shared_valkey(tmp_path) as second:
            assert second == url
        with redis.Redis.from_url(url) as connection:
            assert connection.ping()
    assert is_free(tmp_path)


def test_server_runs_on_after_its_first_user_while_another_uses_it(tmp_path: Path) -> None:
    with start_user(tmp_path) as first:
        url = read_url(first)
        with shared_valkey(tmp_path) as second, redis.Redis.from_url(second) as connection:
            first.communicate("\n")
            assert second == url
            assert connection.ping()
    assert until_free(tmp_path)


def test_two_concurrent_users_get_one_server(tmp_path: Path) -> None:
    with start_user(tmp_path) as one, start_user(tmp_path) as other:
        assert read_url(one) == read_url(other)
        one.communicate("\n")
        other.communicate("\n")


def test_killed_user_leaves_no_server_and_no_lock_and_loses_no_data(tmp_path: Path) -> None:
    with start_user(tmp_path) as user:
        with redis.Redis.from_url(read_url(user)) as connection:
            connection.set("key", "value")
        os.kill(user.pid, signal.SIGKILL)
    assert until_free(tmp_path)
    with shared_valkey(tmp_path) as url, redis.Redis.from_url(url) as connection:
        assert connection.get("key") == b"value"


def test_server_requires_the_password(tmp_path: Path) -> None:
    with shared_valkey(tmp_path) as url:
        assert (tmp_path / "valkey.url").stat().st_mode & 0o077 == 0
        port = int(url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(RuntimeError, match="NOAUTH"):
            send_command(port, "PING")
