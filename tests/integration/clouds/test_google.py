"""Cloud Run: what Google's own framework serves, and who may push."""

import base64
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from infra.local.valkey import free_port
from tests.integration.clouds.doors import BEGINNING, PORTS_TRIED, ROOT, google
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


def test_the_frameworks_own_command_serves_it(around: Surroundings, tmp_path: Path) -> None:
    """The command is the README's, on a free port."""
    said = "functions-framework --asgi --source infra/google/main.py --target tercet"
    assert said in (ROOT / "infra" / "google" / "README.md").read_text(encoding="utf-8")
    told = ""
    for _ in range(PORTS_TRIED):
        port = free_port()
        command = [f"{Path(sys.executable).parent}/{said}", "--host 127.0.0.1 --port", str(port)]
        written = tmp_path / "stderr"
        with (
            written.open("w") as stderr,
            subprocess.Popen(shlex.split(" ".join(command)), cwd=ROOT, stderr=stderr) as process,
        ):
            try:
                health = _first_answer(f"http://127.0.0.1:{port}/health", process)
            finally:
                process.terminate()
        told += written.read_text()
        if health:
            break
    assert health, told
    assert health.status_code == 200
    assert health.json()["breaker"] == "closed"


def _first_answer(url: str, process: "subprocess.Popen[bytes]") -> httpx.Response | None:
    """Wait for an answer; None where the process ended first."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return None
        try:
            return httpx.get(url, timeout=30)
        except BEGINNING:
            time.sleep(0.05)
    raise TimeoutError("the framework never answered")


def test_every_name_that_the_guide_uses_is_one_that_it_has_set() -> None:
    """As pasted it must work."""
    guide = (ROOT / "infra" / "google" / "README.md").read_text(encoding="utf-8")
    shell = guide.partition("```shell")[2].partition("```")[0]
    for place, name in ((m.start(), m[1]) for m in re.finditer(r"\$([A-Z]+)", shell)):
        assert re.search(rf"(^|\s|for ){name}(=| in )", shell[:place]), name
    secrets = re.search(r"for SECRET in ([\w -]+); do", shell)
    assert secrets
    assert set(re.findall(r"=([\w-]+):latest", shell)) == set(secrets[1].split())
