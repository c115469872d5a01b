"""One Valkey server for all processes that use a data folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
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


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


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
    assert wait_for(lambda: is_free(tmp_path))


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
    assert wait_for(lambda: is_free(tmp_path))
    with shared_valkey(tmp_path) as url, redis.Redis.from_url(url) as connection:
        assert connection.get("key") == b"value"


def test_killed_server_is_started_again_at_the_same_url_with_its_data(tmp_path: Path) -> None:
    with shared_valkey(tmp_path) as url, redis.Redis.from_url(url) as connection:
        for number in range(3):
            connection.set(f"key{number}", "value")
            kill_and_wait_for_another(url)
            with shared_valkey(tmp_path) as second:
                assert second == url
            assert connection.exists(*(f"key{each}" for each in range(number + 1))) == number + 1
    assert is_free(tmp_path)


def test_server_that_cannot_start_again_is_stopped_with_its_last_user(tmp_path: Path) -> None:
    with shared_valkey(tmp_path) as url:
        (tmp_path / "valkey.conf").unlink()
        (tmp_path / "valkey.conf").mkdir()
        os.kill(process_id(url) or 0, signal.SIGKILL)
        assert wait_for(lambda: is_free(tmp_path))
    (tmp_path / "valkey.conf").rmdir()
    with shared_valkey(tmp_path) as later:
        assert process_id(later)


def kill_and_wait_for_another(url: str) -> None:
    killed = process_id(url)
    assert killed
    os.kill(killed, signal.SIGKILL)
    assert wait_for(lambda: process_id(url) not in {None, killed})


def process_id(url: str) -> int | None:
    """The process id of a server; None if it cannot be reached."""
    try:
        with redis.Redis.from_url(url) as connection:
            number: int = connection.info("server")["process_id"]
            return number
    except redis.RedisError:
        return None


def test_server_requires_the_password(tmp_path: Path) -> None:
    with shared_valkey(tmp_path) as url:
        assert (tmp_path / "valkey.url").stat().st_mode & 0o077 == 0
        port = int(url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(RuntimeError, match="NOAUTH"):
            send_command(port, "PING")
