"""The container image: its build steps, its shutdown and its health check."""

import asyncio
import os
import re
import subprocess
import sys
import tomllib

import httpx
import pytest

from shared.notes.postgres.store import PostgresNoteStore
from tests.integration.clouds.deployments import CONTAINERFILE, ROOT, run_image_command
from tests.support.local_environment import LocalEnvironment
from tests.support.note_backends import PROFILE
from tests.support.postgres import PostgresServer
from tests.support.tokens import token

TEXT = CONTAINERFILE.read_text(encoding="utf-8")
STEPS = [line.split() for line in TEXT.replace("\\\n", " ").splitlines() if line[:1].isupper()]


def sources() -> list[str]:
    """The paths that are copied from the repository."""
    copied = [step[1:-1] for step in STEPS if step[0] == "COPY"]
    return [name for names in copied if not names[0].startswith("--from=") for name in names]


def test_copied_paths_exist_and_are_not_ignored() -> None:
    ignored = CONTAINERFILE.with_name("Containerfile.dockerignore").read_text().split()
    included = [line[1:] for line in ignored if line.startswith("!")]
    assert ignored[0] == "*"
    assert "**/__pycache__" in ignored
    assert sorted(included) == sorted(set(sources()))
    assert [name for name in included if not (ROOT / name).exists()] == []


def test_base_image_is_official_and_the_user_is_not_root() -> None:
    bases = {step[1] for step in STEPS if step[0] == "FROM"}
    assert bases == {"python:3.13-slim"}
    users = [step[1] for step in STEPS if step[0] == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d+:[1-9]\d+", user) for user in users)


@pytest.mark.parametrize("cloud", ["azure", "container", "google"])
def test_installed_extras_are_declared_in_pyproject(cloud: str) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    files = [ROOT / "infra" / cloud / name for name in ("README.md", "Containerfile")]
    texts = [path.read_text(encoding="utf-8") for path in files if path.exists()]
    extras = {extra for text in texts for extra in re.findall(r"--extra (\w+)", text)}
    assert extras
    assert extras <= declared["project"]["optional-dependencies"].keys()


async def test_request_in_progress_is_finished_before_the_container_stops(
    local: LocalEnvironment,
) -> None:
    local.models.chat_latency = 1.0
    with run_image_command() as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            bearer = {"Authorization": f"Bearer {token(scope='notes:write')}"}
            change = {
                "user_id": "ann",
                "note_id": "hope",
                "operation": "created",
                "occurred_at": "2026-11-01T10:00:00Z",
                "text": "Hope is what we do not see yet.",
            }
            (await client.post("/notes/changes", headers=bearer, json=change)).raise_for_status()
            request = asyncio.create_task(
                client.post("/assistant/query", headers=bearer, json={"query": "What is hope?"})
            )
            while not local.models.count("/chat/completions"):  # noqa: ASYNC110  # in a thread
                await asyncio.sleep(0.01)
            stderr = await asyncio.to_thread(server.stop)
            response = await request
    assert response.status_code == 200, response.text
    assert "Traceback" not in stderr
    assert server.process.poll() is not None


def test_health_check_reports_whether_the_server_runs(local: LocalEnvironment) -> None:
    with run_image_command() as server:
        assert server.start("HEALTHCHECK").wait(30) == 0
        server.stop()
        assert server.start("HEALTHCHECK").wait(30) == 1


async def test_migrate_can_be_repeated(
    postgres_server: PostgresServer,
) -> None:
    url = await postgres_server.new_database()
    command = [sys.executable, "-m", "infra.migrate"]
    for _ in "first", "again":
        result = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}
        )
        assert result.returncode == 0
    store = PostgresNoteStore(url, PROFILE)
    assert await store.get_note("ann", "hope") is None
    await store.aclose()


def test_migrate_of_another_database_fails_with_one_line() -> None:
    command = [sys.executable, "-m", "infra.migrate"]
    environ = os.environ | {"DATABASE_URL": "sqlite:///notes.db"}
    result = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    error = "cannot migrate: DATABASE_URL is not a PostgreSQL URL\n"
    assert (result.returncode, result.stderr) == (1, error)
