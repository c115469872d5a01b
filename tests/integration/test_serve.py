"""`tercet serve`: every function in one process, and its shutdown."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis

from tests.support.command import Tercet, start_tercet
from tests.support.servers import is_free

QUESTION = "What is faith?"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[httpx.Client]:
    """A server; SIGTERM stops it and its Valkey."""
    process = start_tercet("serve", "--port", "0", "--data", data)
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("Tercet listens at http://127.0.0.1:"), process.communicate()
    url = line.split()[3]
    with httpx.Client(base_url=url, headers={"X-Tercet-User": "ann"}, timeout=60) as client:
        yield client
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert is_free(data / "cache")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")


def push(server: httpx.Client, text: str) -> None:
    change = {
        "user_id": "ann",
        "note_id": "faith",
        "operation": "updated",
        "occurred_at": datetime.now(UTC).isoformat(),
        "text": text,
    }
    assert server.post("/notes/changes", json=change).status_code == 200


def ask(server: httpx.Client) -> dict[str, str]:
    response = server.post("/assistant/query", json={"query": QUESTION})
    assert response.status_code == 200, response.text
    body = response.json()
    return {"answer": body["answer"], "tier": body["metadata"]["tier"]}


def test_pushed_note_change_invalidates_the_answer(server: httpx.Client) -> None:
    push(server, "Faith is being sure of what we hope for.")
    assert "being sure" in ask(server)["answer"]
    assert ask(server)["tier"] == "l1"
    push(server, "Faith is to lean your weight on a promise.")
    answer = ask(server)["answer"]  # from the cache, if it has been warmed by now
    assert "lean your weight" in answer
    assert "being sure" not in answer


def test_health_is_public_and_a_query_without_user_is_unauthenticated(server: httpx.Client) -> None:
    health = [server.get("/health").json()["status"] for _ in range(3)]
    assert "healthy" in health, "its checks have half a second, which a busy machine can exceed"
    response = httpx.post(f"{server.base_url}/assistant/query", json={"query": QUESTION})
    assert response.status_code == 401


def test_cache_is_used_again_after_its_server_was_killed(server: httpx.Client, data: Path) -> None:
    push(server, "Faith is to keep a cup ready.")
    ask(server)
    url = (data / "cache" / "valkey.url").read_text()
    with redis.Redis.from_url(url) as connection:
        os.kill(connection.info("server")["process_id"], signal.SIGKILL)
    assert "a cup" in ask(server)["answer"]
    deadline = time.monotonic() + 60
    while ask(server)["tier"] != "l1":
        assert time.monotonic() < deadline, server.get("/health").json()
        time.sleep(0.1)


def test_command_shares_the_cache_of_a_running_server(
    server: httpx.Client, data: Path, tercet: Tercet
) -> None:
    push(server, "Faith is a long walk home in the evening.")
    ask(server)
    result = tercet("ask", QUESTION, "--user", "ann", "--data", data, "--json")
    body = json.loads(result.stdout)
    assert body["metadata"]["tier"] == "l1"
    edited = tercet("notes", "edit", "faith", "--text", "Gone.", "-u", "ann", "--data", data)
    assert edited.exit_code == 0
    assert "long walk" not in ask(server)["answer"]


def test_host_that_is_not_loopback_is_rejected(tercet: Tercet, tmp_path: Path) -> None:
    result = tercet("serve", "--host", "0.0.0.0", "--port", "0", "--data", tmp_path)  # noqa: S104 - refused
    assert (result.exit_code, result.stdout) == (1, "")
    assert "loopback" in result.stderr


def test_port_in_use_is_named_in_the_error(
    server: httpx.Client, tercet: Tercet, data: Path
) -> None:
    port = str(server.base_url.port)
    result = tercet("serve", "--port", port, "--data", data)
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in result.stderr
