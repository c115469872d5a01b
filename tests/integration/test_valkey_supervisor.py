"""One Valkey for all who use a folder, however they come and go."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from infra.local.valkey_supervisor import shared_valkey
from tests.support.servers import send_command

ROOT = Path(__file__).resolve().parents[2]
USE = (
    "import sys; from pathlib import Path\n"
    "from infra.local.valkey_supervisor import shared_valkey\n"
    "with shared_valkey(Path(sys.argv[1])) as url:\n"
    "    print(url, flush=True)\n"
    "    input()\n"
)


def user_of(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", USE, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def url_of(user: "subprocess.Popen[str]") -> str:
    assert user.stdout
    return user.stdout.readline().strip()


def is_free(folder: Path) -> bool:
    """Whether no server holds the folder."""
    with (folder / "valkey.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def becomes_free(folder: Path, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not is_free(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_free(folder)


def test_who_comes_later_uses_the_same_server_and_the_last_one_ends_it(tmp_path: Path) -> None:
    with shared_valkey(tmp_path) as url:
        with shared_valkey(tmp_path) as again:
            assert again == url
        with redis.Redis.from_url(url) as connection:
            assert connection.ping()
    assert is_free(tmp_path)


def test_the_server_outlives_the_one_who_started_it_while_another_uses_it(tmp_path: Path) -> None:
    with user_of(tmp_path) as first:
        url = url_of(first)
        with shared_valkey(tmp_path) as again, redis.Redis.from_url(again) as connection:
            first.communicate("\n")
            assert again == url
            assert connection.ping()
    assert becomes_free(tmp_path)


def test_two_who_come_at_once_get_one_server(tmp_path: Path) -> None:
    with user_of(tmp_path) as one, user_of(tmp_path) as other:
        assert url_of(one) == url_of(other)
        one.communicate("\n")
        other.communicate("\n")


def test_a_killed_user_leaves_neither_server_nor_lock_and_loses_nothing(tmp_path: Path) -> None:
    with user_of(tmp_path) as user:
        with redis.Redis.from_url(url_of(user)) as connection:
            connection.set("kept", "yes")
        os.kill(user.pid, signal.SIGKILL)
    assert becomes_free(tmp_path)
    with shared_valkey(tmp_path) as url, redis.Redis.from_url(url) as connection:
        assert connection.get("kept") == b"yes"


def test_nobody_without_the_password_is_let_in(tmp_path: Path) -> None:
    with shared_valkey(tmp_path) as url:
        assert (tmp_path / "valkey.url").stat().st_mode & 0o077 == 0
        port = int(url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(RuntimeError, match="NOAUTH"):
            send_command(port, "PING")
