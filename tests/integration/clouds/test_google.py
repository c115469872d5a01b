"""Cloud Run: what Google's own framework serves, and who may push."""

import base64
import shlex
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from infra.local.valkey import free_port
from tests.integration.clouds.doors import ROOT, google
from tests.support.asking import Surroundings
from tests.support.queues import body
from tests.support.tokens import token


async def test_a_users_own_token_may_not_push(around: Surroundings) -> None:
    async with google() as door:
        bearer = {"Authorization": f"Bearer {token()}"}
        response = await door.send("POST", "/notes/changes", bearer, {})
    assert response.status_code == 403


async def test_a_push_without_a_token_is_refused(around: Surroundings) -> None:
    async with google() as door:
        response = await door.send("POST", "/notes/changes", {}, {})
    assert response.status_code == 401


async def test_the_service_account_that_is_named_may_push_without_a_scope(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pub/Sub's token names its account by number and by e-mail, and has no scope."""
    email = "note-changes-pusher@example.iam.gserviceaccount.com"
    monkeypatch.setenv("PUSH_SUBJECTS", email)
    pushed = token(sub="106523845", email=email, email_verified=True)
    data = base64.b64encode(body("ann", "hope", "created", 1, "Hope waits.").encode()).decode()
    async with google() as door:
        response = await door.send(
            "POST",
            "/notes/changes",
            {"Authorization": f"Bearer {pushed}"},
            {"message": {"data": data, "messageId": "7"}, "subscription": "note-changes"},
        )
    assert response.status_code == 204


def test_the_frameworks_own_command_serves_it(around: Surroundings) -> None:
    """The command is the README's, on a free port."""
    said = "functions-framework --asgi --source infra/google/main.py --target tercet"
    assert said in (ROOT / "infra" / "google" / "README.md").read_text(encoding="utf-8")
    port = free_port()
    command = [f"{Path(sys.executable).parent}/{said}", "--host 127.0.0.1 --port", str(port)]
    with subprocess.Popen(
        shlex.split(" ".join(command)), cwd=ROOT, stderr=subprocess.DEVNULL
    ) as process:
        try:
            health = _first_answer(f"http://127.0.0.1:{port}/health", process)
        finally:
            process.terminate()
    assert health.status_code == 200
    assert health.json()["breaker"] == "closed"


def _first_answer(url: str, process: "subprocess.Popen[bytes]") -> httpx.Response:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            return httpx.get(url, timeout=30)
        except httpx.ConnectError:
            time.sleep(0.05)
    raise TimeoutError("the framework never answered")
