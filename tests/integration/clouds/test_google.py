"""Cloud Run: the Functions Framework and Pub/Sub push authentication."""

import base64
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.clouds.deployments import ROOT, google
from tests.support.listening import wait_for_port
from tests.support.local_environment import LocalEnvironment
from tests.support.queues import body
from tests.support.tokens import token


async def test_push_with_a_user_token_is_forbidden(local: LocalEnvironment) -> None:
    async with google() as deployment:
        bearer = {"Authorization": f"Bearer {token()}"}
        response = await deployment.send("POST", "/notes/changes", bearer, {})
    assert response.status_code == 403


async def test_push_without_a_token_is_unauthenticated(local: LocalEnvironment) -> None:
    async with google() as deployment:
        response = await deployment.send("POST", "/notes/changes", {}, {})
    assert response.status_code == 401


async def test_push_of_a_configured_service_account_needs_no_scope(
    local: LocalEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Pub/Sub token has the account's number and e-mail address, but no scope."""
    email = "note-changes-pusher@example.iam.gserviceaccount.com"
    monkeypatch.setenv("PUSH_SUBJECTS", email)
    pushed = token(sub="106523845", email=email, email_verified=True)
    data = base64.b64encode(body("ann", "hope", "created", 1, "Hope waits.").encode()).decode()
    async with google() as deployment:
        response = await deployment.send(
            "POST",
            "/notes/changes",
            {"Authorization": f"Bearer {pushed}"},
            {"message": {"data": data, "messageId": "7"}, "subscription": "note-changes"},
        )
    assert response.status_code == 200


def test_functions_framework_command_of_the_guide_serves_the_app(
    local: LocalEnvironment,
) -> None:
    guide_command = "functions-framework --asgi --source infra/google/main.py --target tercet"
    assert guide_command in (ROOT / "infra" / "google" / "README.md").read_text(encoding="utf-8")
    command = f"{Path(sys.executable).parent}/{guide_command} --host 127.0.0.1 --port 0"
    with subprocess.Popen(shlex.split(command), cwd=ROOT) as process:
        try:
            health = httpx.get(f"http://127.0.0.1:{wait_for_port(process)}/health", timeout=30)
        finally:
            process.terminate()
    assert health.status_code == 200
    assert health.json()["breaker"] == "closed"


def test_guide_sets_every_shell_variable_that_it_uses() -> None:
    guide = (ROOT / "infra" / "google" / "README.md").read_text(encoding="utf-8")
    shell = guide.partition("```shell")[2].partition("```")[0]
    for place, name in ((m.start(), m[1]) for m in re.finditer(r"\$([A-Z]+)", shell)):
        assert re.search(rf"(^|\s|for ){name}(=| in )", shell[:place]), name
    secrets = re.search(r"for SECRET in ([\w -]+); do", shell)
    assert secrets
    assert set(re.findall(r"=([\w-]+):latest", shell)) == set(secrets[1].split())
